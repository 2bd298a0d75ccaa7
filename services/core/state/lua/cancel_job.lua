-- Cancel a job: one that waits ends at once; one that runs is asked to stop, and its worker writes its record.
-- KEYS record, lease, cancelled, queue
-- ARGV channel: the channel for the ids of jobs that have ended
-- ARGV id
-- ARGV expected: the record that was read
-- ARGV told: the record if the job ends now
-- ARGV who: the sender; the first one counts
-- ARGV seconds: for so long it stays
-- ARGV now: milliseconds since 1970
-- Returns changed if the record is another one by now, asked or ended
if redis.call('GET', record) ~= expected then
  return 'changed'
end
if redis.call('EXISTS', lease) == 1 then
  redis.call('SET', cancelled, who, 'NX', 'EX', seconds)
  return 'asked'
end
redis.call('SET', record, told, 'EX', seconds)
redis.call('DEL', cancelled)
-- A worker takes it out of the queue now, and not when its next attempt would have been due.
redis.call('ZADD', queue, 'XX', now, id)
redis.call('PUBLISH', channel, id)
return 'ended'
