-- Write what is known of a job, unless somebody else has the job by now.
-- KEYS record, log, done, lease
-- ARGV id, token of the run ('' for a job that nobody has begun: written only when nothing is known of it),
--      record, seconds to keep it, when it was asked for, jobs to keep in the log, state: running, waiting, ended
-- Returns 1 when it was written
local id, token, seconds, state = ARGV[1], ARGV[2], ARGV[4], ARGV[7]
if token == '' then
  if redis.call('EXISTS', KEYS[1]) == 1 then
    return 0
  end
elseif redis.call('GET', KEYS[4]) ~= token then
  return 0
end
redis.call('SET', KEYS[1], ARGV[3], 'EX', seconds)
redis.call('ZADD', KEYS[2], 'NX', ARGV[5], id)
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - tonumber(ARGV[6]))
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. (tonumber(ARGV[5]) - tonumber(seconds)))
if token ~= '' and state ~= 'running' then
  redis.call('DEL', KEYS[4])
end
if state == 'ended' then
  redis.call('RPUSH', KEYS[3], '1')
  redis.call('EXPIRE', KEYS[3], seconds)
end
return 1
