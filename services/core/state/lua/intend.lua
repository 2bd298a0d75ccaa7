-- Add to a claim what its writer is about to do, unless the claim has been lost.
-- KEYS claims   ARGV storage key, claim, claim with the entry that is to be made
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
