/* base64.h - standard base64 with padding (RFC 4648, section 4), as Connect's JsonConverter writes bytes. */
#ifndef SLUICE_BASE_BASE64_H
#define SLUICE_BASE_BASE64_H

#include "base/str.h"

/* Bytes that `text` decodes to, from its length and padding alone. */
size_t base64_size(struct sluice_str text);

/* Decodes into `out`, which holds base64_size(text) bytes. False if the text is not base64: length no multiple of four,
 * another character, padding elsewhere than at the end, or bits set that no byte uses. */
bool base64_decode(struct sluice_str text, unsigned char *out);

/* Characters that base64_encode() writes for so many bytes: the standard alphabet, padded, no terminator. */
size_t base64_length(size_t n_bytes);
void base64_encode(struct sluice_str bytes, char *out);

#endif
