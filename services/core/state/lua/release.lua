-- Give up a claim, unless somebody else holds it by now.
-- KEYS claims   ARGV storage key, claim
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then
  redis.call('HDEL', KEYS[1], ARGV[1])
end
