-- Renew leases that a run has.
-- KEYS leases...
-- ARGV token: that of the run
-- ARGV milliseconds
-- Returns 1 if it still has all of them
for _, lease in ipairs(leases) do
  if redis.call('GET', lease) ~= token then
    return 0
  end
  redis.call('PEXPIRE', lease, milliseconds)
end
return 1
