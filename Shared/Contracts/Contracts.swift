// Contracts: what crosses a process: ids, statuses, events, positions and errors, with their exact wire forms.
//
// The three services share these types and nothing else of one another. What is written here is public: a change
// that an old reader would not understand is a new field or a new type, never another meaning.
//
// It promises: every type writes and reads its wire form itself, and a golden test holds that form still.
// It refuses: behaviour. Rules live in the service that owns the thing.
