-- One page of the catalog in creation order, without the numbers at or below `after` and above `last`.
-- A reader that goes on reads the catalog of the epoch it began with: the live one, or the one put aside since.
-- KEYS entries, order, epoch
-- ARGV epoch ('' the live one), after, last ('' the youngest there is), count, prefix of what is put aside
-- Returns {epoch ('' when it is gone), last, number of the last entry read ('' when there was none), entries…}
local entries, order = KEYS[1], KEYS[2]
local live = redis.call('GET', KEYS[3]) or '0'
local epoch = ARGV[1] == '' and live or ARGV[1]
if epoch ~= live then
  local aside = ARGV[5] .. epoch
  if redis.call('EXISTS', aside) == 0 then
    return {'', '', ''}
  end
  entries, order = aside .. ':entries', aside .. ':order'
end
local last = ARGV[3]
if last == '' then
  last = redis.call('ZRANGE', order, 0, 0, 'REV', 'WITHSCORES')[2] or '0'
end
local found = redis.call('ZRANGE', order, '(' .. ARGV[2], last, 'BYSCORE', 'LIMIT', 0, ARGV[4], 'WITHSCORES')
if #found == 0 then
  return {epoch, last, ''}
end
local uuids = {}
for at = 1, #found, 2 do
  uuids[#uuids + 1] = found[at]
end
local page = redis.call('HMGET', entries, unpack(uuids))
table.insert(page, 1, found[#found])
table.insert(page, 1, last)
table.insert(page, 1, epoch)
return page
