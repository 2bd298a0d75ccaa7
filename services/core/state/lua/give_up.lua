-- Give a lease up, unless somebody else has it by now.
-- KEYS lease
-- ARGV token: that of the run
if redis.call('GET', lease) == token then
  redis.call('DEL', lease)
end
