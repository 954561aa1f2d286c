#include "CSimdjson.h"

#include <memory>
#include <simdjson.h>

namespace {

/// A parser keeps its buffers, some twelve times the size of its largest document: those of unusual size are given back.
constexpr size_t largest_kept_document = 256 * 1024;

thread_local std::unique_ptr<simdjson::dom::parser> thread_parser;
thread_local size_t thread_parser_depth = 0;

simdjson::dom::parser *parser_for(size_t length, size_t max_depth) {
    const bool oversized = thread_parser && thread_parser->capacity() > largest_kept_document && length <= largest_kept_document;
    if (!thread_parser || oversized || thread_parser_depth != max_depth) {
        thread_parser = std::make_unique<simdjson::dom::parser>();
        thread_parser_depth = max_depth;
    }
    if (thread_parser->capacity() < length || thread_parser->max_depth() != max_depth) {
        if (thread_parser->allocate(length < 4096 ? 4096 : length, max_depth)) return nullptr;
    }
    return thread_parser.get();
}

/// How much of the string buffer the tape refers to: strings lie in tape order, so the last one ends it.
size_t used_strings(const uint64_t *tape, size_t count, const uint8_t *strings) {
    size_t end = 0;
    for (size_t index = 0; index < count; index++) {
        switch (tape[index] >> 56) {
        case 'l': case 'u': case 'd':
            index++;
            break;
        case '"': {
            const size_t offset = tape[index] & 0x00FFFFFFFFFFFFFFULL;
            uint32_t length;
            memcpy(&length, strings + offset, sizeof length);
            end = offset + sizeof length + length;
            break;
        }
        }
    }
    return end;
}

}  // namespace

martlet_json_parse_result martlet_json_parse(const uint8_t *bytes, size_t length, size_t max_depth) {
    martlet_json_parse_result result = {};
    simdjson::dom::parser *parser = parser_for(length, max_depth);
    if (!parser) {
        result.error = simdjson::MEMALLOC;
        return result;
    }
    simdjson::dom::element root;
    const auto error = parser->parse(bytes, length, /* copy into a padded buffer */ true).get(root);
    if (error) {
        result.error = error;
        return result;
    }
    result.tape = parser->doc.tape.get();
    // The first word of the tape is the root, whose payload is the index behind the last word.
    result.tape_count = result.tape[0] & 0x00FFFFFFFFFFFFFFULL;
    result.strings = parser->doc.string_buf.get();
    result.strings_count = used_strings(result.tape, result.tape_count, result.strings);
    return result;
}

const char *martlet_json_error_message(int error) {
    return simdjson::error_message(static_cast<simdjson::error_code>(error));
}
