-- to_char() is STABLE, and a function that promises more than what it calls is not inlined: declared as what it is,
-- the text of a time costs no function call of its own in the statements that write events.
CREATE OR REPLACE FUNCTION shared.rfc3339(moment timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
