-- A job may have a lease that runs and one that is over and whose worker is still to be told: an attempt that took too
-- long is tried again before that. Which one runs, the fence in the job's row says.
ALTER TABLE jobs.leases DROP CONSTRAINT leases_pkey, ADD PRIMARY KEY (job_id, fence);
