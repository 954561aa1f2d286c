#include "CSimdjson.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <simdjson.h>
#include <string_view>
#include <vector>

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

constexpr uint64_t payload_of(uint64_t word) { return word & 0x00FFFFFFFFFFFFFFULL; }

std::string_view string_at(const uint64_t *tape, size_t index, const uint8_t *strings) {
    const uint8_t *start = strings + payload_of(tape[index]);
    uint32_t length;
    memcpy(&length, start, sizeof length);
    return {reinterpret_cast<const char *>(start + sizeof length), length};
}

/// The index behind the value at `index`.
size_t behind(const uint64_t *tape, size_t index) {
    switch (tape[index] >> 56) {
    case '{': case '[': return static_cast<uint32_t>(payload_of(tape[index]));
    case 'l': case 'u': case 'd': return index + 2;
    default: return index + 1;
    }
}

/// Whether a key occurs twice among these. Many are sorted, for which nobody can choose bad ones.
bool has_equal(std::vector<std::string_view> &keys) {
    if (keys.size() <= 24) {
        for (size_t i = 1; i < keys.size(); i++)
            for (size_t j = 0; j < i; j++)
                if (keys[i] == keys[j]) return true;
        return false;
    }
    std::sort(keys.begin(), keys.end());
    return std::adjacent_find(keys.begin(), keys.end()) != keys.end();
}

/// Whether a key occurs twice in any object of the tape.
bool has_duplicate_key(const uint64_t *tape, size_t count, const uint8_t *strings) {
    thread_local std::vector<std::string_view> keys;
    for (size_t index = 1; index < count;) {
        const char type = static_cast<char>(tape[index] >> 56);
        if (type == '{') {
            const size_t end = behind(tape, index) - 1;
            keys.clear();
            for (size_t member = index + 1; member < end; member = behind(tape, member + 1))
                keys.push_back(string_at(tape, member, strings));
            if (has_equal(keys)) return true;
        }
        index += type == 'l' || type == 'u' || type == 'd' ? 2 : 1;
    }
    return false;
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
    result.has_duplicate_key = has_duplicate_key(result.tape, result.tape_count, result.strings);
    result.strings_count = used_strings(result.tape, result.tape_count, result.strings);
    return result;
}

const char *martlet_json_error_message(int error) {
    return simdjson::error_message(static_cast<simdjson::error_code>(error));
}
