# Varnish in front of the edge, purged by the jobs worker: CDN_VARNISH names it, docs/cdn.md explains it.
#
# It needs varnish-modules (xkey). Give it the PURGE_TOKEN of the jobs worker in its environment, and set the backend:
#   PURGE_TOKEN=… varnishd -f tada.vcl -a :80 -s malloc,1g
vcl 4.1;

import std;
import xkey;

backend edge {
    .host = "edge";
    .port = "8080";
}

sub vcl_recv {
    if (req.method == "PURGE") {
        if (std.getenv("PURGE_TOKEN") == "" || req.http.X-Purge-Token != std.getenv("PURGE_TOKEN")) {
            return (synth(403, "Only the jobs worker can purge."));
        }
        # A hard purge. With a soft one, the next visitor would get the old bytes once more.
        return (synth(200, "Purged " + xkey.purge(req.http.xkey-purge)));
    }
    if (req.method != "GET" && req.method != "HEAD") {
        return (pass);
    }
    # No answer of the edge depends on them. With them, Varnish would store nothing.
    unset req.http.Cookie;
    unset req.http.Authorization;
    return (hash);
}

sub vcl_backend_response {
    set beresp.http.xkey = beresp.http.Surrogate-Key;
    # Otherwise Varnish could serve any answer for 10 more seconds, also an asset that has expired.
    if (beresp.http.Cache-Control !~ "stale-while-revalidate=") {
        set beresp.grace = 0s;
    }
}

sub vcl_deliver {
    # Visitors need no tags.
    unset resp.http.xkey;
    unset resp.http.Surrogate-Key;
    unset resp.http.Cache-Tag;
    # A browser subtracts Age from its max-age. What Varnish keeps for a day would always be too old for it. Where the
    # lifetime is one for all caches, Age has to stay: such an answer may have an end.
    if (resp.http.Cache-Control ~ "s-maxage=") {
        unset resp.http.Age;
    }
    if (obj.hits > 0) {
        set resp.http.X-CDN-Cache = "HIT";
    } else {
        set resp.http.X-CDN-Cache = "MISS";
    }
}
