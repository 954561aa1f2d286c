# shellcheck shell=bash
# Rows of the job queue: beside other queues on the same Postgres, and under what usually slows queues down.
# Sourced by bench.sh. PEERS names a folder with bench_pgqueuer.py and bench_awa.py; without one these rows have no peer.
# HISTORY (1000000) and BACKLOG (1000000) are how many jobs are there already, HOLD (60) for how many seconds somebody
# holds a snapshot.

# A virtual environment with what PyPI has of the peers.
find_peers() {
    peers=${PEERS:-$(printf '%s\n' "$root"/../*/peers | head -n 1)}
    python=
    [ -r "$peers/bench_pgqueuer.py" ] && command -v python3 >/dev/null || return 0
    python3 -m venv "$home/python" >/dev/null 2>&1 &&
        "$home/python/bin/pip" -q install pgqueuer awa-pg 'psycopg[binary,pool]' asyncpg uvloop >/dev/null 2>&1 || return 0
    python=$home/python/bin/python
}

# peer_figures NAME: what a peer does on our Postgres: "batch process p50 p95", or nothing.
peer_figures() {
    [ -n "$python" ] || return 0
    PEER_DSN=${database%/*}/peer_$1 N=10000 N1=100 LIMIT=60 "$python" "$peers/bench_$1.py" 2>/dev/null | awk '
        /^enqueue batch/ { for (i = NF; i > 0; i--) if ($i ~ /^[0-9]+$/) { batch = $i; break } }
        /^process/ { for (i = 1; i <= NF; i++) if ($i == "/s") process = $(i - 1) }
        /^latency/ { for (i = 1; i <= NF; i++) { if ($i == "p50") p50 = $(i + 1); if ($i == "p95") p95 = $(i + 1) } }
        END { if (process) print batch, process, p50, p95 }'
}

# compare NAME OURS PEER-NAME PEER LIMIT [inverse]: a row of two lists of the same length, by the median of ratios.
compare() {
    local ours=() peer=() ratios=() index
    read -ra ours <<<"$2"
    read -ra peer <<<"$4"
    if [ ${#peer[@]} -eq 0 ]; then
        row "$1" "$(rounded "$(median "${ours[@]}")")" - - "≥ $5" "no $3"
        return
    fi
    for index in "${!peer[@]}"; do
        if [ -n "${6:-}" ]; then ratios+=("$(divide "${peer[index]}" "${ours[index]}")")
        else ratios+=("$(divide "${ours[index]}" "${peer[index]}")"); fi
    done
    local ratio
    ratio=$(median "${ratios[@]}")
    judge "$ratio" at-least "$5"
    row "$1" "$(rounded "$(median "${ours[@]}")")" "$3 $(rounded "$(median "${peer[@]}")")" "$(rounded "$ratio")" \
        "≥ $5" "$verdict"
}

# load WORD ARGUMENTS…: one figure of a run of ServiceLoad.
load() {
    local line name=$1
    shift
    line=$("$binaries/ServiceLoad" "$@") || die "$line"
    word "$line" "$name"
}

# What the rows before have left to be published, counted and delivered is no part of an idle latency.
wait_until_quiet() {
    local deadline=$((SECONDS + 120)) left
    while [ $SECONDS -lt $deadline ]; do
        left=$(sql "SELECT (SELECT count(*) FROM notify.callbacks WHERE state = 'pending') + (
            SELECT count(*) FROM shared.cursors AS cursor JOIN shared.events AS event
                ON (event.transaction_id, event.id) > (cursor.transaction_id, cursor.row_id)
            WHERE cursor.name = 'relay')" "$database")
        [ "$left" != 0 ] || return 0
        sleep 1
    done
}

measure_queue() {
    local url=http://127.0.0.1:$JOB_QUEUE_PORT batch= work= handled= p50= p95= line figures
    local pgqueuer=() awa=() pq_batch= pq_work= pq_p50= pq_p95= awa_batch=
    find_peers
    for _ in $(seq $rounds); do
        batch+=" $(divide "$(wrk_rate 4 "$url/api/jobs/batch" "$home/batch.lua")" 0.001)"
        work+=" $(load jobs_per_s work 10000 4)"
        handled+=" $(load jobs_per_s handled 10000)"
        wait_until_quiet
        line=$("$binaries/ServiceLoad" start 200 20) || die "$line"
        p50+=" $(word "$line" p50_ms)" p95+=" $(word "$line" p95_ms)"
        figures=$(peer_figures pgqueuer)
        if [ -n "$figures" ]; then
            read -ra pgqueuer <<<"$figures"
            pq_batch+=" ${pgqueuer[0]}" pq_work+=" ${pgqueuer[1]}" pq_p50+=" ${pgqueuer[2]}" pq_p95+=" ${pgqueuer[3]}"
        fi
        figures=$(peer_figures awa)
        if [ -n "$figures" ]; then
            read -ra awa <<<"$figures"
            awa_batch+=" ${awa[0]}"
        fi
    done
    compare "batches of 1,000: jobs/s" "$batch" pgqueuer "$pq_batch" 2
    compare "batches of 1,000: jobs/s" "$batch" awa "$awa_batch" 2
    compare "claim to complete over HTTP, 4 sessions: jobs/s" "$work" pgqueuer "$pq_work" 1
    compare "claim to complete by the service's own handlers: jobs/s" "$handled" pgqueuer "$pq_work" 2
    compare "submission to start, one each 20 ms: p50 ms" "$p50" pgqueuer "$pq_p50" 1.5 inverse
    compare "submission to start, one each 20 ms: p95 ms" "$p95" pgqueuer "$pq_p95" 1.5 inverse
    # shellcheck disable=SC2086 — numbers.
    bound "submission to start, one each 20 ms: p50 ms" "$(median $p50)" 2
    # shellcheck disable=SC2086
    bound "submission to start, one each 20 ms: p95 ms" "$(median $p95)" 6
    wait_until_quiet
    bound "submission to start, 200 a second: p99 ms" "$(load p99_ms start 1000 5)" 20
}

# bound NAME VALUE LIMIT: a row whose figure stands alone.
bound() {
    judge "$2" at-most "$3"
    row "$1" "$(rounded "$2")" - - "≤ $3" "$verdict"
}

# floor NAME VALUE USUAL LIMIT: a rate beside the same rate without the burden.
floor() {
    local ratio
    ratio=$(divide "$2" "$3")
    judge "$ratio" at-least "$4"
    row "$1" "$(rounded "$2")" "without $(rounded "$3")" "$(rounded "$ratio")" "≥ $4" "$verdict"
}

queue_process() { cut -d' ' -f1 "$home/run/job-queue-service"; }

work_rate() {
    local rates=()
    for _ in $(seq $rounds); do rates+=("$(load jobs_per_s work 10000 4)"); done
    median "${rates[@]}"
}

measure_loads() {
    local usual
    usual=$(work_rate)
    measure_replicas "$usual"
    measure_memory
    measure_idle
    measure_snapshot "$usual"
    measure_crowd "$usual"
}

# Three more replicas on the same database; the history is checked again after them.
measure_replicas() {
    local port urls=$JOB_QUEUE_URL pids=() rate
    for _ in 1 2 3; do
        port=$(free_port)
        (
            while IFS='=' read -r key value; do export "$key=$value"; done <"$home/env"
            PORT=$port PROVIDER_PRESETS=none exec "$binaries/job-queue-service" >/dev/null 2>>"$home/replicas.log"
        ) &
        pids+=("$!")
        children+=("$!")
        wait_for_port "$port"
        urls+=",http://127.0.0.1:$port"
    done
    rate=$(JOB_QUEUE_URL=$urls work_rate)
    floor "claim to complete with four replicas of the service: jobs/s" "$rate" "$1" 1
    for port in "${pids[@]}"; do end_child "$port"; done
    measure_history
}

measure_memory() {
    local high
    high=$(sed -n 's/^VmHWM:\s*\([0-9]*\) kB/\1/p' "/proc/$(queue_process)/status")
    bound "the job queue's memory at its highest: MiB" "$(divide "$high" 1024)" 80
}

measure_idle() {
    local before after seconds=15
    ulimit -n "$(ulimit -Hn)"
    "$binaries/ServiceLoad" idle 1000 $((seconds + 5)) >"$home/idle" 2>&1 &
    local load=$!
    children+=("$load")
    until grep -q waiting "$home/idle"; do
        kill -0 "$load" 2>/dev/null || die "idle workers: $(cat "$home/idle")"
        sleep 0.2
    done
    before=$(processor_time "$(queue_process)")
    sleep $seconds
    after=$(processor_time "$(queue_process)")
    bound "the job queue's processor time with 1,000 waiting workers: %" \
        "$(divide "$(divide $((${after%.*} - ${before%.*})) 10000)" $seconds)" 1
    wait "$load" || die "idle workers: $(cat "$home/idle")"
}

# The last rounds before the snapshot is let go count: what it costs grows while it is held.
measure_snapshot() {
    local hold=${HOLD:-60} begin=$SECONDS rates=() holder
    "$postgres/psql" -X -q "$database" -c 'BEGIN ISOLATION LEVEL REPEATABLE READ' -c 'SELECT count(*) FROM jobs.workers' \
        -c "SELECT pg_sleep($hold)" -c COMMIT >/dev/null 2>&1 &
    holder=$!
    children+=("$holder")
    while kill -0 $holder 2>/dev/null && [ $((SECONDS - begin)) -lt $((hold - 5)) ]; do
        rates+=("$(load jobs_per_s work 10000 4)")
    done
    floor "claim to complete while a snapshot is held for ${hold} s: jobs/s" "$(median "${rates[@]: -3}")" "$1" 0.9
    end_child $holder
}

# Ended jobs and jobs in line, put there by SQL; nobody checks their history.
measure_crowd() {
    local usual_p50 usual=$1 history=${HISTORY:-1000000} backlog=${BACKLOG:-1000000}
    usual_p50=$(load p50_ms start 200 20)
    local columns="id, kind, queue, status, phase, seq, max_attempts, priority, run_at, timeout_ms, params, metadata, tags,
        submitted_by, created_at, completed_at"
    sql "INSERT INTO jobs.jobs ($columns)
        SELECT gen_random_uuid(), 'bench-old', 'default', 'completed', 'finished', 3, 1, 0, now(), 60000,
            '{\"text\":\"a job as people submit it\"}', '{}', '{}', 'bench', now(), now()
        FROM generate_series(1, $history)" "$database"
    floor "claim to complete after $history ended jobs: jobs/s" "$(work_rate)" "$usual" 0.9
    crowd_latency "after $history ended jobs" "$usual_p50"
    sql "WITH added AS (
            INSERT INTO jobs.jobs ($columns)
            SELECT gen_random_uuid(), 'bench-work', 'default', 'queued', 'waiting', 1, 1, 0, now(), 60000,
                '{\"text\":\"a job as people submit it\"}', '{}', '{}', 'bench', now(), NULL
            FROM generate_series(1, $backlog)
            RETURNING id, kind, queue, priority
        )
        INSERT INTO jobs.ready (job_id, kind, queue, priority) SELECT id, kind, queue, priority FROM added" "$database"
    floor "claim to complete before $backlog jobs in line: jobs/s" "$(work_rate)" "$usual" 0.9
    crowd_latency "before $backlog jobs in line" "$usual_p50"
}

crowd_latency() {
    local p50 ratio
    p50=$(load p50_ms start 200 20)
    ratio=$(divide "$p50" "$2")
    judge "$ratio" at-most 1.1
    row "submission to start $1: p50 ms" "$(rounded "$p50")" "without $(rounded "$2")" "$(rounded "$ratio")" "≤ 1.1" \
        "$verdict"
}
