-- Give a lease up, unless somebody else has it by now.
-- KEYS lease   ARGV token of the run
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
