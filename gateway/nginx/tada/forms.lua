--- Which forms of an asset are stored on this node, and how often each was answered from there.
--
-- nginx knows a copy by the MD5 of its key, so nothing leads from an asset to its copies. This is a memory of what was
-- stored. It has a fixed size, and forgets first what was asked for longest ago. Before anything is told, it is looked
-- up on the disk. So what is told is there, and the answer says whether there may be more.
--
-- An answer from the store costs one entry in a table of its worker of nginx. The tables are added up every second.

local generations = require "tada.generations"

local FLUSH_SECONDS = 1
local FORMS_MAX = 100 -- of one purge group
local GROUPS_MAX = 64 -- in one question
local LOCK_SECONDS = 0.1
local THREADS = "tada"

local FROM_STORE = { HIT = true, STALE = true, UPDATING = true, REVALIDATED = true }

local _M = {}

local settings, dict, marks
local counts = {}

-- What a full memory has forgotten for something new.
local function note_forgotten(forgot)
    if forgot then
        marks:set("forgot_forms", true)
    end
end

local function set(key, text, was_cut)
    local _, _, forgot = dict:set(key, text, 0, was_cut)
    note_forgotten(forgot)
end

local function add(key, form)
    local text, was_cut = dict:get(key)
    text = (text or "\n") .. form .. "\n"
    local _, count = text:gsub("\n", "")
    if count - 1 > FORMS_MAX then
        text, was_cut = text:gsub("^\n[^\n]+", "", 1), 1
    end
    set(key, text, was_cut or 0)
end

--- Remember that a form is stored. Returns false if another worker of nginx notes one of the same asset now.
function _M.note(form)
    local group = generations.group_of(form)
    if group == "list" then
        return true
    end
    local key = "group " .. group
    local text = dict:get(key)
    if text and text:find("\n" .. form .. "\n", 1, true) then
        return true
    end
    local lock = "lock " .. group
    local is_ours, _, forgot = dict:add(lock, true, LOCK_SECONDS)
    note_forgotten(forgot)
    if not is_ours then
        return false
    end
    add(key, form)
    dict:delete(lock)
    return true
end

--- Count an answer that is stored here, or was just stored. `cache` is what became of the look-up.
function _M.count(form, cache)
    if FROM_STORE[cache] then
        counts[form] = (counts[form] or 0) + 1
    elseif not _M.note(form) then
        counts[form] = counts[form] or 0
    end
end

local function flush()
    local counted = counts
    counts = {}
    for form, count in pairs(counted) do
        if not _M.note(form) then
            counts[form] = (counts[form] or 0) + count
        -- Nobody asks for the hits of the list, whose key is another one after each change.
        elseif count > 0 and generations.group_of(form) ~= "list" then
            local _, _, forgot = dict:incr(generations.key_of(form), count, 0)
            note_forgotten(forgot)
        end
    end
end

local function known(body)
    local forms, paths, is_cut, groups = {}, {}, false, 0
    for group in body:gmatch("[^\n]+") do
        groups = groups + 1
        if groups > GROUPS_MAX then
            break
        end
        local text, was_cut = dict:get("group " .. group)
        is_cut = is_cut or was_cut == 1
        for form in (text or ""):gmatch("[^\n]+") do
            local hash = ngx.md5(generations.key_of(form))
            forms[#forms + 1] = form
            paths[#paths + 1] = string.format("%s/%s/%s/%s", settings.store, hash:sub(32), hash:sub(30, 31), hash)
        end
    end
    return forms, paths, is_cut
end

--- Return what is stored of some purge groups, each in a line of `body`.
-- The first line is `{since} {whole}`: when this node began to count, and whether there is nothing else. Each other
-- line is `{bytes} {status} {stored} {valid} {hits} {form}`, with times in seconds since 1970.
function _M.told(body)
    flush()
    local forms, paths, is_cut = known(body)
    local is_whole = marks:get("walked") and not marks:get("forgot_forms") and not is_cut
    local lines = { string.format("%d %s", marks:get("began"), is_whole and "whole" or "part") }
    if #paths > 0 then
        local ok, heads = ngx.run_worker_thread(THREADS, "tada.stored", "heads", table.concat(paths, "\n"))
        if not ok then
            return nil, heads
        end
        local at = 0
        for head in heads:gmatch("[^\n]+") do
            at = at + 1
            if head ~= "-" then
                local hits = dict:get(generations.key_of(forms[at])) or 0
                lines[#lines + 1] = string.format("%s %d %s", head, hits, forms[at])
            end
        end
    end
    return table.concat(lines, "\n") .. "\n"
end

--- Prepare one worker of nginx. `options`: store (the folder of the cache), forms and dict (names of a lua_shared_dict).
function _M.open_worker(options)
    settings, dict, marks = options, ngx.shared[options.forms], ngx.shared[options.dict]
    assert(ngx.timer.every(FLUSH_SECONDS, flush))
end

return _M
