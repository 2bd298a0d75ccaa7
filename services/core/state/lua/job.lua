-- Write the record of a job, unless another run has the job by now.
-- KEYS record, log, lease
-- ARGV channel: the channel for the ids of jobs that have ended
-- ARGV id
-- ARGV token: that of the run, '' for a job that nobody has begun: it is written only if nothing is known of the job
-- ARGV told: the record
-- ARGV seconds: for so long it stays
-- ARGV asked_at: seconds since 1970
-- ARGV log_max: jobs that stay in the log
-- ARGV state: running, waiting or ended
-- Returns 1 if it was written
if token == '' then
  if redis.call('EXISTS', record) == 1 then
    return 0
  end
elseif redis.call('GET', lease) ~= token then
  return 0
end
redis.call('SET', record, told, 'EX', seconds)
redis.call('ZADD', log, 'NX', asked_at, id)
redis.call('ZREMRANGEBYRANK', log, 0, -1 - tonumber(log_max))
redis.call('ZREMRANGEBYSCORE', log, '-inf', '(' .. (tonumber(asked_at) - tonumber(seconds)))
if token ~= '' and state ~= 'running' then
  redis.call('DEL', lease)
end
if state == 'ended' then
  redis.call('PUBLISH', channel, id)
end
return 1
