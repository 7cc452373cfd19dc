#!/usr/bin/env python3
"""Writes wide_vectors.h: decimals as Debezium sends them, with what Python's integers make of them.

Run it in this folder; the output depends on nothing but this file.
"""
import base64
import random

LIMIT_BITS = {9: 32, 18: 64, 38: 128, 76: 256}


def minimal_bytes(value):
    length = 1
    while not -(1 << (8 * length - 1)) <= value < 1 << (8 * length - 1):
        length += 1
    return value.to_bytes(length, "big", signed=True)


def width(precision):
    return next(bits for limit, bits in LIMIT_BITS.items() if precision <= limit)


def plain_text(value, scale):
    digits = str(abs(value)).rjust(scale + 1, "0")
    point = len(digits) - scale
    text = digits[:point] + ("." + digits[point:] if scale else "")
    return ("-" if value < 0 else "") + text


def vector(value, scale, precision, target_scale):
    scaled = value * 10 ** (target_scale - scale)
    fits = abs(scaled) < 10**precision
    bits = width(precision)
    encoded = scaled.to_bytes(bits // 8, "little", signed=True).hex() if fits else ""
    text = base64.b64encode(minimal_bytes(value)).decode()
    return f'    {{"{text}", {scale}, {precision}, {target_scale}, "{encoded}", "{plain_text(value, scale)}"}},'


def main():
    random.seed(20260821)
    rows = []
    for precision in (1, 9, 10, 18, 19, 38, 39, 76):
        for edge in (0, 1, -1, 10**precision - 1, -(10**precision) + 1, 10**precision, -(10**precision)):
            rows.append((edge, 0, precision, 0))
    for bits in (7, 8, 15, 16, 31, 32, 63, 64, 95, 96, 127, 128, 159, 160, 252):
        for delta in (-1, 0, 1):
            for sign in (1, -1):
                rows.append((sign * (1 << bits) + delta, 2, 76, 2))
    for _ in range(200):
        precision = random.randint(1, 76)
        target_scale = random.randint(0, precision)
        scale = random.randint(0, target_scale)
        digits = random.randint(1, min(76, precision - target_scale + scale + 2))
        value = random.randrange(10**digits) * random.choice((1, -1))
        rows.append((value, scale, precision, target_scale))
    print("/* wide_vectors.h - made by make_wide_vectors.py; change that, not this. */")
    print("/* base64, scale, precision and scale of the target, its bytes (empty: does not fit), text. */")
    print("/* clang-format off */")
    print("static const struct vector vectors[] = {")
    for row in rows:
        print(vector(*row))
    print("};")


main()
