// Settings: what a process is told by its environment, typed, checked and explained.
//
// A service reads all its settings once, at start, through one `SettingsReader`; every mistake is collected,
// so an operator sees the whole list and not the first. Every setting may come from a file instead
// (`DATABASE_URL_FILE=/run/secrets/database_url`), which is how secrets should come.
//
// It promises: a mistake never passes silently; a value is printed with where it came from; secrets print as dots.
// It refuses: settings that change while the process runs, and names it was not asked for.
