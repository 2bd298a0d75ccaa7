-- Drop a purge that is to be repeated, or to be made up for, once it is done; leave one alone that has been noted anew
-- since it was read.
-- KEYS sorted set   ARGV member, its score as read
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if score and tonumber(score) == tonumber(ARGV[2]) then
  redis.call('ZREM', KEYS[1], ARGV[1])
end
