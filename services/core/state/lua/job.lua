-- Write the record of a job, unless another run has the job by now, or it is to wait although it is cancelled.
-- KEYS record, log, lease, cancelled
-- ARGV channel: the channel for the ids of jobs that have ended
-- ARGV id
-- ARGV token: that of the run, '' for a job that nobody has begun: it is written only if nothing is known of the job
-- ARGV told: the record
-- ARGV seconds: for so long it stays
-- ARGV asked_at: seconds since 1970
-- ARGV log_max: jobs that stay in the log
-- ARGV state: running, waiting or ended
-- Returns written, lost or cancelled
if token == '' then
  if redis.call('EXISTS', record) == 1 then
    return 'lost'
  end
elseif redis.call('GET', lease) ~= token then
  return 'lost'
elseif state == 'waiting' and redis.call('EXISTS', cancelled) == 1 then
  return 'cancelled'
end
redis.call('SET', record, told, 'EX', seconds)
redis.call('ZADD', log, 'NX', asked_at, id)
redis.call('ZREMRANGEBYRANK', log, 0, -1 - tonumber(log_max))
redis.call('ZREMRANGEBYSCORE', log, '-inf', '(' .. (tonumber(asked_at) - tonumber(seconds)))
if token ~= '' and state ~= 'running' then
  redis.call('DEL', lease)
end
if state == 'ended' then
  redis.call('DEL', cancelled)
  redis.call('PUBLISH', channel, id)
end
return 'written'
