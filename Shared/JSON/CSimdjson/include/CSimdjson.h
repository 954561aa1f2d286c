#ifndef MARTLET_CSIMDJSON_H
#define MARTLET_CSIMDJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What a parse left behind in this thread's parser. Both buffers die at the thread's next parse.
typedef struct {
    const uint64_t *tape;
    size_t tape_count;
    const uint8_t *strings;
    size_t strings_count;
    /// Whether an object has a key twice.
    bool has_duplicate_key;
    /// 0, or the library's error code.
    int error;
} martlet_json_parse_result;

/// Parses `length` bytes of UTF-8 with this thread's parser; nesting deeper than `max_depth` is an error.
martlet_json_parse_result martlet_json_parse(const uint8_t *bytes, size_t length, size_t max_depth);

/// The library's words for an error code; a static string.
const char *martlet_json_error_message(int error);

#ifdef __cplusplus
}
#endif
#endif
