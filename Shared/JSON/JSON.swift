// JSON: reading, writing and checking JSON without Codable.
//
// `JSONDocument` parses with simdjson and is read lazily through `JSONElement`; `JSONWriter` writes into one
// byte buffer; `JSONSchema` describes a value once and serves to check it, to explain what is wrong with it
// (a JSON pointer and a sentence for every mistake) and to publish it in OpenAPI. A schema that comes from outside
// is a `SchemaDocument`: all of JSON Schema 2020-12, within bounds.
//
// It promises: input is validated UTF-8 and JSON before anything is read from it; nesting and size are bounded;
// a document is a plain `Sendable` value that owns its bytes; integers of 64 bits survive unchanged.
// It refuses: duplicate keys and numbers beyond 64 bits or beyond a double, because two readers of such a
// document would not agree on what it says.
