import Contracts

/// What can happen next.
extension QueueModel {
    /// Everything that can, with the operations of several steps either whole or step by step.
    func choices(_ setup: Setup, stepwise: Bool) -> [ModelAction] {
        var choices: [ModelAction] = submissions(setup)
        for worker in workers.indices { choices += deeds(of: worker, setup) }
        for (index, job) in jobs.enumerated() {
            guard let job else { continue }
            if job.phase == .suspended || job.status == .processing, setup.verbs.contains(.suspend) {
                choices.append(.resume(index))
            }
            if job.leases.contains(where: { $0.fence != job.fence }) { choices.append(.forget(index)) }
        }
        for note in Set(notes.filter(\.hasEnded).map(\.job)).sorted() { choices.append(.expand(note)) }
        return choices + (stepwise ? steps(setup) : wholes(setup))
    }

    private func submissions(_ setup: Setup) -> [ModelAction] {
        var choices: [ModelAction] = []
        for index in jobs.indices where jobs[index] == nil {
            if setup.isFamily, index == 1 {
                // A child may come before or after its parent has ended; only jobs that exist are depended on.
                if jobs[0] != nil { choices.append(.submit(1, .blocked)) }
            } else if index == 0 || !setup.retries {
                choices += [.submit(index, .queued), .submit(index, .scheduled)]
            } else if let original = jobs[0], original.status.isFinal {
                choices.append(.retry(0, as: index))
            }
        }
        return choices
    }

    private func deeds(of index: Int, _ setup: Setup) -> [ModelAction] {
        let worker = workers[index]
        var choices: [ModelAction] = []
        let isBeingRescued = pending.contains { if case .rescue(index, _) = $0 { true } else { false } }
        switch worker.session {
        case .none: choices.append(.open(worker: index))
        case .live: choices += [.silence(worker: index), .close(worker: index)]
        case .silent: if !isBeingRescued { choices.append(.close(worker: index)) }
        }
        for key in worker.remembers {
            for verb in ModelVerb.allCases where setup.verbs.contains(verb) {
                choices.append(.verb(worker: index, key, verb, retryable: true))
                if verb == .fail { choices.append(.verb(worker: index, key, verb, retryable: false)) }
            }
        }
        return choices
    }

    /// What may be begun by somebody who looks at the state now.
    private func beginnings(_ setup: Setup) -> [Pending] {
        var beginnings: [Pending] = []
        for (index, job) in jobs.enumerated() {
            guard let job else { continue }
            if job.isReady {
                for worker in workers.indices where workers[worker].session != .none {
                    beginnings.append(.claim(worker: worker, job: index))
                }
            }
            for lease in job.leases where lease.isStarted && !lease.isRevoked {
                beginnings.append(.timeout(Key(job: index, fence: lease.fence)))
            }
            if job.isScheduled { beginnings.append(.promote(index)) }
            if !job.status.isFinal {
                beginnings.append(.end(index, .cancelled))
                if setup.expires { beginnings.append(.end(index, .expired)) }
            }
        }
        for (index, worker) in workers.enumerated() where worker.session == .silent {
            beginnings.append(.rescue(worker: index, found: leases(of: index)))
        }
        if notes.contains(Note(job: 1, hasEnded: false)) { beginnings.append(.resolve(1)) }
        return beginnings
    }

    private func wholes(_ setup: Setup) -> [ModelAction] {
        beginnings(setup)
            .map { beginning in
                switch beginning {
                case .claim(let worker, let job): .claim(worker: worker, job: job)
                case .rescue(let worker, _): .rescue(worker: worker)
                case .timeout(let key): .endTimedOut(key)
                case .promote(let job): .promote(job)
                case .end(let job, let status): .end(job, status)
                case .resolve(let job): .resolve(job)
                }
            }
    }

    private func steps(_ setup: Setup) -> [ModelAction] {
        var choices: [ModelAction] = []
        for operation in pending {
            if !waits(operation) { choices.append(.act(operation)) }
            choices.append(.abort(operation))
        }
        if pending.count < setup.inFlight {
            for operation in beginnings(setup) where !isTaken(operation) { choices.append(.look(operation)) }
        }
        return choices
    }

    /// Whether somebody else holds the row that the operation begins with, and it is skipped.
    private func isTaken(_ operation: Pending) -> Bool {
        pending.contains { other in
            switch (operation, other) {
            case (.claim(_, let mine), .claim(_, let other)): mine == other
            case (.rescue(let mine, _), .rescue(let other, _)): mine == other
            default: operation == other
            }
        }
    }

    /// Whether the operation must wait for another: a lease names its session, whose row a rescuer has.
    private func waits(_ operation: Pending) -> Bool {
        guard case .claim(let worker, _) = operation else { return false }
        return pending.contains { if case .rescue(worker, _) = $0 { true } else { false } }
    }
}
