/* Objects are zeroed, aligned and bounded. */
#include "base/arena.h"

#include "support/check.h"

#include <stdalign.h>

static void test_objects(void)
{
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    sluice_arena_init(&arena, 1 << 20, "test arena");
    for (size_t n = 0; n < 3000; n += 7) {
        unsigned char *object = sluice_arena_alloc(&arena, n, &err);
        if (!CHECK(object != NULL))
            return;
        CHECK_INT((uintptr_t)object % alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++) {
            if (object[i] != 0)
                CHECK_INT(object[i], 0);
        }
        memset(object, 0xff, n);
    }
}

static void test_ceiling(void)
{
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    sluice_arena_init(&arena, 100, "test arena");
    CHECK(sluice_arena_alloc(&arena, 60, &err) != NULL);
    CHECK(sluice_arena_alloc(&arena, 41, &err) == NULL);
    CHECK_INT(err.code, SLUICE_E_LIMIT);
    CHECK_CONTAINS(err.text, "test arena");
    CHECK(sluice_arena_alloc(&arena, 40, &err) != NULL);
    CHECK(sluice_arena_alloc_array(&arena, SIZE_MAX / 2, 3, &err) == NULL);
    CHECK_INT(err.code, SLUICE_E_LIMIT);
}

static void test_copy(void)
{
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    sluice_arena_init(&arena, 100, "test arena");
    CHECK_TEXT(sluice_arena_copy(&arena, (struct sluice_str){"orders!", 6}, &err), "orders");
    CHECK_TEXT(sluice_arena_copy(&arena, (struct sluice_str){NULL, 0}, &err), "");
}

int main(void)
{
    test_objects();
    test_ceiling();
    test_copy();
    return check_result();
}
