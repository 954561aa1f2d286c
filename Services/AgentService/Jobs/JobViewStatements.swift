import Contracts
import Kernel
import Postgres

/// Statements over the view `jobs.job_views`.
enum JobViewStatements {
    static func ofCard(_ card: CardID, before: UUID?, limit: Int) -> SQL {
        """
        SELECT \(JobView.columns)
        FROM jobs.job_views AS job
        WHERE job.card_id = \(card) AND (\(before)::uuid IS NULL OR job.id < \(before))
        ORDER BY job.id DESC
        LIMIT \(limit)
        """
    }

    static func ofProject(_ project: ProjectID, limit: Int) -> SQL {
        """
        SELECT \(JobView.columns)
        FROM jobs.job_views AS job
        WHERE job.project_id = \(project)
        ORDER BY job.id DESC
        LIMIT \(limit)
        """
    }

    /// A job, unless it is outside of the project `limit`.
    static func find(_ job: JobID, limit: ProjectID?) -> SQL {
        """
        SELECT \(JobView.columns)
        FROM jobs.job_views AS job
        WHERE job.id = \(job) AND (\(limit)::uuid IS NULL OR job.project_id = \(limit))
        """
    }

    /// Where a job's file is and what the job says of it.
    static func result(of job: JobID) -> SQL {
        "SELECT result_url, result FROM jobs.job_views WHERE id = \(job)"
    }
}
