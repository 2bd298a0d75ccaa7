-- Take a lock away from its holder, unless somebody else has it by now or the holder lives.
-- KEYS lock
-- KEYS alive: that of the holder
-- ARGV holder
if redis.call('GET', lock) == holder and redis.call('EXISTS', alive) == 0 then
  redis.call('DEL', lock)
end
