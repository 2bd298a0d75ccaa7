-- Take a lock away from its holder, unless somebody else has it by now or the holder lives.
-- KEYS lock, alive key of the holder   ARGV holder
if redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('DEL', KEYS[1])
end
