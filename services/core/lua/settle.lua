-- Drop a repetition that is done, or put it off; leave one alone that has been planned anew since it was read.
-- KEYS purge-again   ARGV member, due time as read, new due time ('' done)
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
if due and tonumber(due) == tonumber(ARGV[2]) then
  if ARGV[3] == '' then
    redis.call('ZREM', KEYS[1], ARGV[1])
  else
    redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
  end
end
