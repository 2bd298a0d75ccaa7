-- One page of the catalog in creation order, without the numbers at or below `after` and above `last`.
-- A reader that goes on reads the generation it began with: the live one, or the one that was put aside since.
-- KEYS entries, order, generation
-- ARGV generation ('' the live one), after, last ('' the youngest there is), count, prefix of what is put aside
-- Returns {generation ('' when it is gone), last, number of the last entry read ('' when there was none), entries…}
local entries, order = KEYS[1], KEYS[2]
local live = redis.call('GET', KEYS[3]) or '0'
local generation = ARGV[1] == '' and live or ARGV[1]
if generation ~= live then
  local aside = ARGV[5] .. generation
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
  return {generation, last, ''}
end
local uuids = {}
for at = 1, #found, 2 do
  uuids[#uuids + 1] = found[at]
end
local page = redis.call('HMGET', entries, unpack(uuids))
table.insert(page, 1, found[#found])
table.insert(page, 1, last)
table.insert(page, 1, generation)
return page
