-- Remove the record of a reduction, unless there is another one by now. Its object is left behind.
-- USES leave_reduction
-- KEYS reductions, claims
-- ARGV entry_key
-- ARGV record: as it was read
-- Returns 1 if it was removed, else 0
if redis.call('HGET', reductions, entry_key) ~= record then
  return 0
end
leave_reduction(reductions, claims, entry_key)
return 1
