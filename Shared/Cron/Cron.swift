// Cron: when something is due that is to happen again and again.
//
// `CronExpression` reads the five or six fields that everybody knows and finds the next moment they name on the clocks of
// a `Zone`; `ZoneDatabase` finds zones by their IANA names in the system's own files (Debian's package tzdata), so the
// rules of summer time are as new as the system. All but the reading of those files is pure values.
//
// It promises: an expression that was read is due again and again, at most 40 years apart; every mistake is named with
// its field and character; no due time is lost or doubled when clocks are set forward or back (see `CronExpression`).
// It refuses: dates that never come, steps that never step, zones with leap seconds, and names that are no zone.
