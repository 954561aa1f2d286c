// Files: reading and writing files without holding a thread of the shared pool.
//
// `FileWriter` writes a new file beside its place and puts it there in one step, synced, so a reader sees all of it
// or none. `FileReader` reads ranges. Both are actors on a few threads kept for disk work.
//
// It promises: what `publish` returned for survives a crash of the machine; an abandoned writer leaves nothing.
// It refuses: paths from outside. Callers name files by what they computed themselves.
