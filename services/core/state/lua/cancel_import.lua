-- Cancel an import: each item without a result whose upload has not begun is settled.
-- KEYS items, results
-- ARGV who: the sender; the first one counts
-- ARGV count: of the items
-- ARGV told: what became of an item that is not imported
-- ARGV seconds: for so long it stays
-- Returns 0 if the import is over
if redis.call('HEXISTS', items, 'job') == 0 then
  return 0
end
redis.call('HSETNX', items, 'cancelled', who)
for at = 0, count - 1 do
  if redis.call('HEXISTS', items, at .. ':since') == 0 then
    redis.call('HSETNX', results, at, told)
  end
end
redis.call('EXPIRE', results, seconds)
return 1
