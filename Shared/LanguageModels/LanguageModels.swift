// LanguageModels: talks to language models, over the four wires that nearly all of them speak.
//
// A `LanguageModel` answers a `ModelRequest` (instructions, messages, tools) with a `ModelReply` and gives out what it
// says while it says it. Messages are the same whatever the wire, so a conversation may go on with another provider;
// what only one wire understands (its opaque reasoning) goes back to that wire alone. `ModelCatalog` finds models by
// name. `rules` is always there: it plays scripts, needs no key, and is not a language model.
//
// It promises: a reply is whole or it is a `ModelFailure` with a code and the word whether trying again may help;
// an attempt is repeated only while nothing of its answer was given out; whatever a provider sends, memory and time
// stay bounded; no wire is sent a conversation that it refuses for its form; keys are never printed.
// It refuses: to know what runs, tools or budgets are; to execute anything; to guess at what was cut off.
