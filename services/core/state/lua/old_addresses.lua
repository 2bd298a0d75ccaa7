-- Return functions for the addresses from which assets were moved away, by these keys: see core/state/moving.py. `asset`
-- is the creation number of an asset, which a move does not change. What is known of an asset is a line for each of its
-- old paths, the last one first: number of the move, path, and what the asset was found by there, with spaces between
-- them.
local function old_addresses(moved, old_paths)
  local own = {}
  local most = 20

  local function lines_of(asset)
    local found = {}
    for line in string.gmatch(redis.call('HGET', old_paths, asset) or '', '[^\n]+') do
      local number, path, names = string.match(line, '^(%d+) (%S+) (.+)$')
      found[#found + 1] = {text = line, number = number, path = path, names = names}
    end
    return found
  end

  -- Nobody is led from a path to the asset any more, unless the path is by now the old one of another asset.
  local function end_line(asset, line)
    for name in string.gmatch(line.names, '%S+') do
      if redis.call('HGET', moved, name) == asset then
        redis.call('HDEL', moved, name)
      end
    end
  end

  -- Return the old paths of an asset with spaces between them, '' if there are none.
  function own.paths(asset)
    local paths = {}
    for at, line in ipairs(lines_of(asset)) do
      paths[at] = line.path
    end
    return table.concat(paths, ' ')
  end

  -- Have an asset found at a path that it leaves for another one. A few of its last paths are kept.
  function own.leave(asset, number, path, names, new_path)
    for name in string.gmatch(names, '%S+') do
      redis.call('HSET', moved, name, asset)
    end
    local kept = {number .. ' ' .. path .. ' ' .. names}
    for _, line in ipairs(lines_of(asset)) do
      if line.path ~= path and line.path ~= new_path then
        if #kept < most then
          kept[#kept + 1] = line.text
        else
          end_line(asset, line)
        end
      end
    end
    redis.call('HSET', old_paths, asset, table.concat(kept, '\n'))
  end

  -- An asset is found by these names from now on: nobody is led elsewhere.
  function own.take(names)
    for name in string.gmatch(names, '%S+') do
      redis.call('HDEL', moved, name)
    end
  end

  -- Forget the old paths of an asset that were left before the move with a number. Return how many there were.
  function own.forget(asset, before)
    local kept, gone = {}, 0
    for _, line in ipairs(lines_of(asset)) do
      if tonumber(line.number) < before then
        end_line(asset, line)
        gone = gone + 1
      else
        kept[#kept + 1] = line.text
      end
    end
    if #kept > 0 then
      redis.call('HSET', old_paths, asset, table.concat(kept, '\n'))
    else
      redis.call('HDEL', old_paths, asset)
    end
    return gone
  end

  return own
end
