-- Note that a process works on an item of an import now, unless the item is settled, or the import is over.
-- KEYS items, results
-- ARGV item, owner
-- ARGV now: when the import began, if this is its first item
-- Returns the job, the item, after which change its upload began, who has cancelled the import, and 1 if it is settled
local known = redis.call('HMGET', items, 'job', item, item .. ':since', 'cancelled')
local is_settled = redis.call('HEXISTS', results, item)
if known[1] and is_settled == 0 then
  redis.call('HSET', items, item .. ':owner', owner)
  redis.call('HSETNX', items, 'began', now)
end
return {known[1], known[2], known[3], known[4], is_settled}
