-- Return functions for retired objects, by these keys: see core/assets/retired.py. What is known of an object is the
-- number of the change that retired it, its group, its version and its entry key, with spaces between them, then its
-- entry as it was. `counts` are the functions of counting.lua.
local function retiring(retired, versions, trash, claims, counts)
  local own = {}

  function own.parts_of(known)
    return string.match(known, '^(%d+) (%S+) (%d+) (%S+) (.*)$')
  end

  -- Return what stands for a version in the index: those of a group lie together there, the first ones first. The number
  -- tells which these are: versions of two lives of a path may lie together, and each life begins at version 1.
  local function indexed(group, version, number, storage_key)
    return string.format('%s %016.0f %s %s', group, number, version, storage_key)
  end

  -- Return the storage keys of the versions of a group, the first ones first.
  function own.versions_of(group)
    local found = redis.call('ZRANGE', versions, '[' .. group .. ' ', '(' .. group .. '!', 'BYLEX')
    for at, member in ipairs(found) do
      found[at] = string.match(member, '%S+$')
    end
    return found
  end

  local function remove(storage_key)
    local known = redis.call('HGET', retired, storage_key)
    if not known then
      return nil
    end
    local number, group, version, entry_key, raw = own.parts_of(known)
    redis.call('HDEL', retired, storage_key)
    redis.call('ZREM', trash, storage_key)
    redis.call('ZREM', versions, indexed(group, version, number, storage_key))
    return number, group, version, entry_key, raw
  end

  local function note(storage_key, number, group, version, entry_key, raw)
    redis.call('HSET', retired, storage_key, table.concat({number, group, version, entry_key, raw}, ' '))
    if group == number then
      redis.call('ZADD', trash, number, storage_key)
    else
      redis.call('ZADD', versions, 0, indexed(group, version, number, storage_key))
    end
  end

  -- Remove what is known of an object, if it is retired, and return the parts of that. The object is not touched.
  function own.forget(storage_key)
    local number, group, version, entry_key, raw = remove(storage_key)
    if number then
      counts.forget(storage_key, raw)
    end
    return number, group, version, entry_key, raw
  end

  -- Retire an object. One to which a restored catalog refers may be retired already.
  function own.retire(storage_key, number, group, version, entry_key, raw)
    own.forget(storage_key)
    note(storage_key, number, group, version, entry_key, raw)
    counts.retire(storage_key, raw)
  end

  function own.regroup(group, new_group)
    for _, storage_key in ipairs(own.versions_of(group)) do
      local number, _, version, entry_key, raw = remove(storage_key)
      note(storage_key, number, new_group, version, entry_key, raw)
    end
  end

  -- Return the bytes of a retired object, 0 if it is not retired.
  function own.size_of(storage_key)
    local known = redis.call('HGET', retired, storage_key)
    local _, _, _, _, raw = own.parts_of(known or '')
    return raw and cjson.decode(raw).size or 0
  end

  -- Return the entry with this key if it refers to an object.
  function own.entry_of(entries, storage_key, entry_key)
    local raw = redis.call('HGET', entries, entry_key)
    -- Decoding an entry costs much more than a look, and most do not have the key anywhere.
    local entry = raw and string.find(raw, storage_key, 1, true) and cjson.decode(raw)
    return entry and entry.storage_key == storage_key and entry or nil
  end

  -- Say whether an entry has the bytes of one that is stored.
  function own.has_bytes_of(entry, raw)
    return entry.signature == cjson.decode(raw).signature
  end

  -- An entry refers to a retired object again: it is retired no longer. The versions of a deleted asset are again those
  -- of an asset.
  function own.take_back(storage_key)
    local since, group, _, entry_key = own.forget(storage_key)
    if since and group == since then
      own.regroup(group, entry_key)
    end
  end

  -- Leave a retired object behind, with an obsolete claim. Return its entry key and its storage key, with a space
  -- between them.
  function own.let_go(storage_key)
    local _, _, _, entry_key = own.forget(storage_key)
    redis.call('HSET', claims, storage_key, 'obsolete ' .. entry_key)
    return entry_key .. ' ' .. storage_key
  end

  return own
end
