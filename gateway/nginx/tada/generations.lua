--- Generations: which copies in this node's cache may still be served.
--
-- A change of an asset raises its generation, and the generation is part of the cache key. So what was stored before a
-- change, or is still on its way, lies under a key that nobody asks for any more. Nothing has to be listed or waited for.
--
-- Generations are numbers of changes: microseconds since 1970, each higher than the one before (services/core/state/lua).
-- They lie in a table of fixed size, in memory that all workers of this nginx share. Each purge group (an asset, or an
-- entry's page) has a slot by its hash. Groups that share a slot are made stale together, which costs a render and is
-- never wrong; with 2^20 slots a change makes one other asset in a million stale. So the table cannot become full.
--
-- The jobs worker sends changes in their order, and the node answers with its position: the last change that it has.
-- What it has is saved every half minute. After a start it serves nothing from its cache until a worker has sent what
-- came since. If nobody can (the file is lost, or the log does not reach back), the node takes a new salt: it is cold.

local ffi = require "ffi"
local bit = require "bit"

local SLOTS = 1048576
local SAVE_SECONDS = 30
local LOCK_SECONDS = 5
local CHUNK = 65536
local KNOWN_MAX = 20000 -- addresses that a worker knows by heart
local KNOWN_LENGTH = 256 -- bytes of an address that is remembered
local LARGEST = 2 ^ 53

ffi.cdef [[
typedef struct {
    double position;   /* the last change that was applied */
    double epoch; /* the last change of the whole catalog */
    double salt;       /* what this node's keys begin with */
    double current;    /* 1 when a worker has sent all that there was, or nobody came to do it */
    double saved;      /* the position that the file has */
    double unsaved;    /* 1 when the file lacks something that no worker will send again */
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

--- Forget epoch: nothing that was stored before is found any more. The caller has the lock, or is alone.
local function begin_anew()
    -- In this order: whoever reads meanwhile must not find an old number under the old salt.
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
        return nil, "the file is not whole"
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

--- Map the table and read what was saved; called once, before the workers are made. A reload keeps the table.
-- `options`: file (where it is saved), lock (a file for the lock), patience (seconds), dict (a lua_shared_dict).
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

-- One writer at a time. The kernel frees the lock of a worker that has died; one that is held up keeps it, so that it
-- cannot write old numbers over new ones when it goes on.

local function with_lock(work, ...)
    local deadline = ngx.now() + LOCK_SECONDS
    while ffi.C.flock(lock_file, LOCK_EXCLUSIVE_NOW) ~= 0 do
        if ngx.now() > deadline then
            return nil, "another worker of this nginx is held up"
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
    if #uri <= KNOWN_LENGTH then
        if known_count >= KNOWN_MAX then
            known, known_count = {}, 0
        end
        known[uri], known_count = found, known_count + 1
    end
    return found
end

--- Return the canonical form of this request, and set the variable `generation`, both of which make its cache key.
-- Without a canonical form both stay empty, and `passed_on` is what is asked of the next tier. `uncached` is set when
-- the answer is neither looked up nor stored. `generation` begins the cache key and does not change while the request lasts: what is answered to a request that
-- began before a change is stored where nobody looks after it. A tier behind takes the higher of its own generation and
-- the one that the tier before has sent, so a node that lags cannot hand out what another already knows to be old.
function _M.key(carried)
    local var = ngx.var
    local uri = var.request_uri
    local found = known[uri]
    if not found or settings.negotiates then
        local form = var.canonical_form
        if form == "" or form:find("[^\33-\126]") then
            var.uncached, var.passed_on = "1", var.raw_uri
            return ""
        end
        found = found and found.form == form and found or learn(uri, form)
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
        -- Pages and filters of the list are without end: no tier stores them.
        var.uncached = "1"
    end
    return found.form
end

--- Return the key under which this node stores an address now.
function _M.key_of(form)
    local group = _M.group_of(form)
    local number, purges = state.position, 0
    if group ~= "list" then
        local slot = slot_of(group)
        number, purges = slots[slot], purged[slot]
    end
    return text_of(state.salt, math.max(number, state.epoch), purges) .. form
end

--- Say whether a key of a stored copy cannot be asked for any more.
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

--- Make every stored form of one address' asset stale on this node; return the key that the address had.
function _M.purge(form)
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
            -- What is gone leaves the disk at once, as far as its addresses are known.
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
-- The body's first line is `{from} {to} {more|now}`: the changes after `from` up to `to` follow, and after `now` there
-- are no more. `from` is `reset` when the log does not reach back to this node's position. Each other line is
-- `{number} gone {address}`, which is to leave the disk, or `{number} raise {group}`, in this order.
-- Returns the keys that are to leave the disk; nil and a reason when nothing was applied: "gap", or another.
function _M.apply(body)
    local from, to, rest, at = body:match("^(%w+) (%d+) (%a+)\n()")
    if not from or not (from == "reset" or tonumber(from)) then
        return nil, "unreadable"
    end
    return with_lock(apply, from, to, rest == "now", body:sub(at))
end

--- Return what is known of this node: its position, and whether it is current.
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
        pause() -- Requests go first. Numbers that are raised meanwhile do no harm.
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
        -- The older file stays: after a restart a worker sends what it lacks.
        ngx.log(ngx.ERR, "generations: cannot be saved: ", why)
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
    ngx.log(ngx.WARN, "generations: no jobs worker has come; the cache starts cold")
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
