# Short names for what the scripts do; nothing is decided here.
.PHONY: help demo check soak lint format bench clean
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: ## set up, build, and watch a live PostgreSQL arrive in ClickHouse; KEEP=1 leaves it running
	@docker/local/setup
	@.ci/build release
	@docker/local/demo

check: ## set up, build, and run all tests and linters
	@.ci/check

soak: ## an hour of faults against exactly once, writes docs/soak.md; SECONDS=3600
	@SECONDS_OF_CHAOS=$(SECONDS) .ci/soak

lint: ## layout and clang-tidy only, over the compile database of build/dev
	@.ci/lint

format: ## rewrite the layout of all C files
	@git ls-files -z '*.c' '*.h' | xargs -0 clang-format-14 -i

bench: ## sluice beside ClickHouse's own Kafka engine; build/bench/result.json
	@docker/local/setup
	@.ci/build release
	@tests/bench/run

clean: ## remove build/; what set-up installed stays in .local/
	@rm -rf build
