-- One page of the catalog in creation order, without the numbers at or below `after` and above `last`.
-- KEYS entries, order   ARGV after, last, count
-- Returns {number of the last entry read ('' when there was none), entries…}
local found = redis.call('ZRANGE', KEYS[2], '(' .. ARGV[1], ARGV[2], 'BYSCORE', 'LIMIT', 0, ARGV[3], 'WITHSCORES')
if #found == 0 then
  return {''}
end
local uuids = {}
for at = 1, #found, 2 do
  uuids[#uuids + 1] = found[at]
end
local page = redis.call('HMGET', KEYS[1], unpack(uuids))
table.insert(page, 1, found[#found])
return page
