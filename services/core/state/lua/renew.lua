-- Renew leases that a run has.
-- KEYS leases   ARGV token of the run, milliseconds
-- Returns 1 when it still has all of them
for _, lease in ipairs(KEYS) do
  if redis.call('GET', lease) ~= ARGV[1] then
    return 0
  end
  redis.call('PEXPIRE', lease, ARGV[2])
end
return 1
