-- Replace the counts of all entries, because the whole catalog is replaced. The retired objects stay, with their counts.
-- `counts` has namespace, bytes and entries of each namespace.
local function count_anew(usage, counts)
  for _, field in ipairs(redis.call('HKEYS', usage)) do
    if string.find(field, ' bytes$') or string.find(field, ' assets$') then
      redis.call('HDEL', usage, field)
    end
  end
  for namespace, bytes, assets in string.gmatch(counts, '(%S+) (%d+) (%d+)') do
    redis.call('HSET', usage, namespace .. ' bytes', bytes, namespace .. ' assets', assets)
  end
  redis.call('HSET', usage, 'upto', 'all')
end
