--- Which conditions and ranges of a request count (RFC 9110, 13.2.2 and 14.2), where nginx has another rule.
--
-- nginx wants both If-None-Match and If-Modified-Since to hold, where the first alone decides. The same is true of
-- If-Match and If-Unmodified-Since. It sends a part to HEAD, too, and takes a date in If-Range for a strong validator.

local _M = {}

--- Remove the headers that do not count. For a request that is about to be looked up.
function _M.settle(var)
    if var.http_if_none_match then
        ngx.req.clear_header("If-Modified-Since")
    end
    if var.http_if_match then
        ngx.req.clear_header("If-Unmodified-Since")
    end
    if var.http_range then
        local condition = var.http_if_range
        if ngx.req.get_method() ~= "GET" or (condition and condition:sub(1, 1) ~= '"') then
            ngx.req.clear_header("Range")
        end
    end
end

return _M
