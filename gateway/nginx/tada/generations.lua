--- Generations: which copies in the cache of this node may still be served.
--
-- A change of an asset raises its generation, and the generation is part of the cache key. So a copy that was stored
-- before a change, or an answer that is still on its way, has a key that no request has any more. No list of copies is
-- needed, and nothing has to be waited for.
--
-- Generations are numbers of changes: microseconds since 1970, each higher than the one before.
-- They are in a table of fixed size, in memory that all workers of this nginx share. Each purge group (an asset, or the
-- page of an entry) has a slot by its hash. Groups that share a slot become stale together. That costs a render and is
-- never wrong. With 2^20 slots, a change makes one other asset in a million stale. The table cannot become full.
--
-- The jobs worker sends changes in their order, and the node answers with its position: the last change that it has.
-- The table is saved every half minute. After a start, the node serves nothing from its cache until a worker has sent
-- the changes since then. If that is not possible (the file is lost, or the log does not reach back), the node takes a
-- new salt: it is cold.

local ffi = require "ffi"
local bit = require "bit"
local conditions = require "tada.conditions"
local saving = require "tada.saving"

local SLOTS = 1048576
local SAVE_SECONDS = 30
local LOCK_SECONDS = 5
local CHUNK = 65536
local KNOWN_MAX = 20000 -- addresses that a worker of nginx remembers
local KNOWN_LENGTH = 256 -- bytes of the longest address that is remembered
local LARGEST = 2 ^ 53

ffi.cdef [[
typedef struct {
    double position;   /* the last change that was applied */
    double epoch; /* the last change of the whole catalog */
    double salt;       /* the start of this node's keys */
    double current;    /* 1 when a worker has sent all changes, or when none came in time */
    double saved;      /* the position in the file */
    double unsaved;    /* 1 when the file lacks something that no jobs worker will send again */
    double slots[1048576];
    uint16_t purged[1048576]; /* purges of one address by hand, by slot */
} tada_generations;
void *mmap(void *address, size_t length, int protection, int flags, int file, long offset);
int open(const char *path, int flags, ...);
int flock(int file, int operation);
]]

local PROT_READ_WRITE, MAP_SHARED_ANONYMOUS = 3, 0x21
local O_CREAT_WRONLY_CLOEXEC = bit.bor(0x40, 0x1, 0x80000)
local LOCK_EXCLUSIVE_NOW, UNLOCK = 6, 8

local _M = {}

local settings, state, slots, purged, lock_file
local known, known_count = {}, 0

local function crc(text)
    return ngx.crc32_long(text)
end

local function slot_of(group)
    return crc(group) % SLOTS
end

--- Return an address with the uuid of an entry in one spelling: lower case, with dashes.
local function with_one_uuid(form)
    local uuid = form:match("^/catalog/(%x[%x-]+)$")
    if not uuid then
        return form
    end
    local digits = uuid:gsub("%-", ""):lower()
    return "/catalog/" .. digits:gsub("^(%x%x%x%x%x%x%x%x)(%x%x%x%x)(%x%x%x%x)(%x%x%x%x)(%x+)$", "%1-%2-%3-%4-%5")
end

--- Return the purge group of a canonical address: an asset without its extension, an entry's uuid, or "list".
function _M.group_of(form)
    local uuid = form:match("^/catalog/(.+)$")
    if uuid then
        return uuid
    end
    local name = form:match("^/assets/media/optimise/[^/]+(/[^?]+)") or form:match("^/assets/media/%a+(/[^?]+)")
    return name and name:gsub("%.[^.]*$", "") or "list"
end

-- Start

local function new_salt()
    local random = io.open("/dev/urandom", "rb")
    local a, b, c, d, e, f = random:read(6):byte(1, 6)
    random:close()
    return ((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f
end

--- Start cold: no stored copy can be found any more. The caller has the lock, or is alone.
local function begin_anew()
    -- In this order: a request at the same time must not find an old number under the old salt.
    state.current = 0
    state.salt = new_salt()
    state.position, state.epoch = 0, 0
    ffi.fill(slots, ffi.sizeof(slots) + ffi.sizeof(purged))
    state.saved, state.unsaved = -1, 0
end

local function load()
    local file = io.open(settings.file, "rb")
    if not file then
        return nil
    end
    local head = file:read("*l") or ""
    local salt, epoch, position = head:match("^tada%-generations 1 (%d+) (%d+) (%d+)$")
    local table_bytes = file:read(ffi.sizeof(slots) + ffi.sizeof(purged))
    local sums = file:read("*l")
    file:close()
    if not (salt and table_bytes and sums) then
        return nil, "the file is not complete"
    end
    local found = { crc(head) }
    for at = 1, #table_bytes, CHUNK do
        found[#found + 1] = crc(table_bytes:sub(at, at + CHUNK - 1))
    end
    if sums ~= tostring(crc(table.concat(found, " "))) then
        return nil, "the file is damaged"
    end
    ffi.copy(slots, table_bytes, #table_bytes)
    state.salt, state.epoch, state.position = tonumber(salt), tonumber(epoch), tonumber(position)
    state.saved = state.position
    return true
end

local function point_to(address)
    state = ffi.cast("tada_generations *", ffi.cast("intptr_t", address))
    slots, purged = state[0].slots, state[0].purged
    state = state[0]
end

--- Map the table and read the saved file. Called once, before the workers start. A reload keeps the table.
-- `options`: file (the saved table), lock (a file for the lock), patience (seconds), dict (a lua_shared_dict).
function _M.open(options)
    settings = options
    local dict = ngx.shared[options.dict]
    local address = dict:get("address")
    if address then
        return point_to(address)
    end
    local size = ffi.sizeof("tada_generations")
    local memory = ffi.C.mmap(nil, size, PROT_READ_WRITE, MAP_SHARED_ANONYMOUS, -1, 0)
    address = tonumber(ffi.cast("intptr_t", memory))
    if address == -1 then
        error("tada: no memory for the table of generations: " .. size .. " bytes")
    end
    dict:set("address", address)
    dict:set("began", ngx.time())
    point_to(address)
    local loaded, why = load()
    if not loaded then
        if why then
            ngx.log(ngx.WARN, "generations: ", why, "; the cache starts cold")
        end
        begin_anew()
    end
end

-- One writer at a time. The kernel releases the lock of a worker that has died. A worker that hangs keeps it. So it
-- cannot write old numbers over new ones when it continues.

local function with_lock(work, ...)
    local deadline = ngx.now() + LOCK_SECONDS
    while ffi.C.flock(lock_file, LOCK_EXCLUSIVE_NOW) ~= 0 do
        if ngx.now() > deadline then
            return nil, "another worker of this nginx hangs"
        end
        ngx.sleep(0.002)
    end
    local ok, result, why = pcall(work, ...)
    ffi.C.flock(lock_file, UNLOCK)
    if not ok then
        error(result)
    end
    return result, why
end

-- A request

local function text_of(salt, number, purges)
    local text = string.format("%012x.%.0f", salt, number)
    return purges > 0 and text .. "+" .. purges or text
end

local function learn(uri, form)
    local group = _M.group_of(form)
    local found = { form = form, slot = group ~= "list" and slot_of(group) or -1, whole = not form:find("?", 1, true) }
    if form:find("^/assets/") then -- A page of the catalog is not saved under a name.
        found.saved_name, found.is_refused = saving.name(ngx.var.arg_download)
    end
    if #uri <= KNOWN_LENGTH then
        if known_count >= KNOWN_MAX then
            known, known_count = {}, 0
        end
        known[uri], known_count = found, known_count + 1
    end
    return found
end

--- Return the canonical address of this request, and set the variable `generation`. Both together are the cache key.
-- If there is no canonical address, both are empty, and `passed_on` is the request to the next tier. `uncached` is set
-- if the answer is neither looked up nor stored, `saved_name` if the client has a name for the file.
--
-- `generation` does not change while the request lasts. So the answer to a request that began before a change is stored
-- under a key that no later request has. A tier takes the higher of its own generation and that of the tier before it.
-- So a node that lags cannot serve what another node knows to be old.
function _M.key(carried)
    local var = ngx.var
    conditions.settle(var)
    local uri = var.request_uri
    local found = known[uri]
    if not found or settings.negotiates then
        local form = with_one_uuid(var.canonical_form)
        if form == "" or form:find("[^\33-\126]") then
            var.uncached, var.passed_on = "1", var.raw_uri
            return ""
        end
        found = found and found.form == form and found or learn(uri, form)
    end
    if found.is_refused then
        var.uncached, var.passed_on = "1", var.raw_uri
        return ""
    end
    if found.saved_name then
        var.saved_name = found.saved_name
    end
    local slot, salt = found.slot, state.salt
    local number, purges
    if slot >= 0 then
        number, purges = slots[slot], purged[slot]
    else
        number, purges = state.position, 0
    end
    if number < state.epoch then
        number = state.epoch
    end
    if carried then
        carried = tonumber(carried)
        if carried and carried > number and carried < LARGEST then
            number = carried
        end
    end
    if found.number ~= number or found.salt ~= salt or found.purges ~= purges then
        found.number, found.salt, found.purges = number, salt, purges
        found.text = text_of(salt, number, purges)
    end
    var.generation = found.text
    if state.current == 0 or (slot < 0 and not found.whole) then
        -- There are endlessly many pages and filters of the list, so no tier stores them.
        var.uncached = "1"
    end
    return found.form
end

--- Return the cache key of an address on this node, as it is now.
function _M.key_of(form)
    local group = _M.group_of(form)
    local number, purges = state.position, 0
    if group ~= "list" then
        local slot = slot_of(group)
        number, purges = slots[slot], purged[slot]
    end
    return text_of(state.salt, math.max(number, state.epoch), purges) .. form
end

--- Return the address in the key of a stored copy; nil if it is not one of an asset or of the catalog, or is stale.
function _M.form_of(key)
    local form = key:match("^%x+%.%d+%+?%d*(/.*)$")
    return form and not _M.is_stale(key) and form or nil
end

--- Return whether no request can have the key of a stored copy any more.
function _M.is_stale(key)
    local salt, number, purges, form = key:match("^(%x+)%.(%d+)%+?(%d*)(/.*)$")
    if not salt then
        return false
    end
    if tonumber(salt, 16) ~= state.salt then
        return true
    end
    local group = _M.group_of(form)
    if group == "list" then
        return tonumber(number) < state.position
    end
    local slot = slot_of(group)
    return tonumber(number) < math.max(slots[slot], state.epoch) or (tonumber(purges) or 0) < purged[slot]
end

--- Make every stored form of the asset of an address stale on this node. Return the key that the address had.
function _M.purge(form)
    form = with_one_uuid(form)
    return with_lock(function()
        local key = _M.key_of(form)
        local group = _M.group_of(form)
        if group == "list" then
            return key -- Its one form is the address itself.
        end
        local slot = slot_of(group)
        if purged[slot] == 65535 then
            state.salt = new_salt()
        end
        purged[slot] = purged[slot] + 1
        state.unsaved = 1
        return key
    end)
end

-- Changes

local function raise(number, group)
    if group == "*" then
        state.epoch = math.max(state.epoch, number)
        return
    end
    local slot = slot_of(group)
    if slots[slot] < number then
        slots[slot] = number
    end
end

local function apply(from, to, last, lines, gone)
    if from == "reset" then
        begin_anew()
    elseif tonumber(from) > state.position then
        return nil, "gap"
    end
    local left = {}
    for number, kind, group in lines:gmatch("(%d+) (%a+) ([^\n]+)\n") do
        if kind == "raise" then
            raise(tonumber(number), group)
        elseif tonumber(number) > state.position then
            -- The copies of deleted assets leave the disk at once, if their addresses are known.
            left[#left + 1] = _M.key_of(group)
        end
    end
    state.position = math.max(state.position, tonumber(to))
    if last then
        state.current = 1
    end
    return left
end

--- Answer POST /generations: apply changes.
-- The first line of the body is `{from} {to} {more|now}`. The changes after `from` up to `to` follow; `now` means that
-- there are no more. `from` is `reset` if the log does not reach back to the position of this node. Each other line is
-- `{number} gone {address}` for a copy to delete, or `{number} raise {group}`, in this order.
-- Returns the keys to delete. If nothing was applied, returns nil and a reason: "gap", or another one.
function _M.apply(body)
    local from, to, rest, at = body:match("^(%w+) (%d+) (%a+)\n()")
    if not from or not (from == "reset" or tonumber(from)) then
        return nil, "unreadable"
    end
    return with_lock(apply, from, to, rest == "now", body:sub(at))
end

--- Return the position of this node, and whether it is current.
function _M.status()
    return state.position, state.current == 1
end

-- Saving

local function pause()
    if not ngx.worker.exiting() then
        ngx.sleep(0.001)
    end
end

local function write(file, head)
    local sums = { crc(head) }
    local ok, why = file:write(head, "\n")
    local bytes, size = ffi.cast("const char *", slots), ffi.sizeof(slots) + ffi.sizeof(purged)
    for at = 0, size - 1, CHUNK do
        if not ok then
            return nil, why
        end
        local chunk = ffi.string(bytes + at, math.min(CHUNK, size - at))
        sums[#sums + 1] = crc(chunk)
        ok, why = file:write(chunk)
        pause() -- Requests go first. If numbers are raised at the same time, the file is still correct.
    end
    ok, why = file:write(tostring(crc(table.concat(sums, " "))), "\n")
    return ok, why
end

local function save()
    local position, salt = state.position, state.salt
    local path = settings.file .. ".new"
    state.unsaved = 0
    local file, why = io.open(path, "wb")
    local ok
    if file then
        ok, why = write(file, string.format("tada-generations 1 %.0f %.0f %.0f", salt, state.epoch, position))
        ok = file:close() and ok
    end
    if ok and state.salt == salt then
        ok, why = os.rename(path, settings.file)
        state.saved = position
    end
    if not ok then
        -- The older file stays. After a restart, a worker sends the changes that it lacks.
        ngx.log(ngx.ERR, "generations: the table cannot be saved: ", why)
        os.remove(path)
        state.unsaved = 1
    end
end

local function is_unsaved()
    return state.current == 1 and (state.saved ~= state.position or state.unsaved == 1)
end

local function lose_patience()
    with_lock(function()
        if state.current == 0 then
            begin_anew()
            state.current = 1
        end
    end)
    ngx.log(ngx.WARN, "generations: no jobs worker has come in time; the cache starts cold")
end

--- Prepare one worker of nginx. The first one saves the table.
function _M.open_worker()
    lock_file = ffi.C.open(settings.lock, O_CREAT_WRONLY_CLOEXEC, ffi.cast("int", 384))
    if lock_file < 0 then
        error("tada: the lock cannot be opened: " .. settings.lock)
    end
    if ngx.worker.id() ~= 0 then
        return
    end
    local began = ngx.shared[settings.dict]:get("began")
    local saved, saving = ngx.now(), false
    local function look(premature)
        if not premature and state.current == 0 and ngx.now() - began >= settings.patience then
            lose_patience()
        end
        if not saving and is_unsaved() and (premature or ngx.now() - saved >= SAVE_SECONDS) then
            saving = true
            save()
            saving, saved = false, ngx.now()
        end
    end
    assert(ngx.timer.every(1, look))
end

return _M
