-- Return functions that count what each namespace has, in the step that changes it: see core/state/usage.py. `usage` has
-- the counts, as `NAMESPACE WHAT`, and how far the first count has come: `upto` is the creation number of the last entry
-- that is counted, `at` the cursor over the retired objects; each is 'all' at the end. Until then `counted` has the
-- storage keys of the retired objects that are counted.
local function counting(usage, counted)
  local own = {}
  local upto, at = unpack(redis.call('HMGET', usage, 'upto', 'at'))

  local function add(namespace, what, by)
    if tonumber(by) ~= 0 then
      redis.call('HINCRBY', usage, namespace .. ' ' .. what, by)
    end
  end

  local function add_retired(raw, sign)
    local entry = cjson.decode(raw)
    add(entry.namespace, 'retired_bytes', sign * (tonumber(entry.size) or 0))
    add(entry.namespace, 'retired', sign)
  end

  -- The entry with a creation number has so many more bytes, and its namespace so many more entries.
  function own.change(asset, namespace, bytes, assets)
    if upto == 'all' or upto and asset and tonumber(asset) <= tonumber(upto) then
      add(namespace, 'bytes', bytes)
      add(namespace, 'assets', assets)
    end
  end

  function own.retire(storage_key, raw)
    if at == 'all' or at and redis.call('SADD', counted, storage_key) == 1 then
      add_retired(raw, 1)
    end
  end

  function own.forget(storage_key, raw)
    if at == 'all' or at and redis.call('SREM', counted, storage_key) == 1 then
      add_retired(raw, -1)
    end
  end

  -- Return the bytes of a namespace, with those of retired objects, and its entries.
  function own.used(namespace)
    local fields = {namespace .. ' bytes', namespace .. ' retired_bytes', namespace .. ' assets'}
    local found = redis.call('HMGET', usage, unpack(fields))
    return (found[1] or 0) + (found[2] or 0), tonumber(found[3] or 0)
  end

  return own
end
