package flashsale.cluster;

import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The gateway's nginx configuration: one address for all roles. Immutable.
 *
 * @param listen host and port, such as {@code 127.0.0.1:8080}
 * @param roles the public addresses of each role but the inventory, which has none
 * @param down addresses that get nothing new, because they are about to be stopped
 * @param folder where nginx keeps its pid, logs and temporary files; absolute
 * @param ratePerAddress requests a second that one address may send on the average; 0: any number
 * @param bodyMaxBytes a longer request body gets 413
 * @param tls certificate and key; without them plain HTTP
 * @param files a folder that is served below {@code /files/}; for measurements
 */
public record GatewayConfig(
    String listen,
    Map<String, List<URI>> roles,
    Set<URI> down,
    Path folder,
    int ratePerAddress,
    long bodyMaxBytes,
    Optional<Tls> tls,
    Optional<Path> files) {

  /** PEM files. */
  public record Tls(Path certificate, Path key) {}

  /** Those that the gateway sends requests to. */
  public static final List<String> ROLES =
      List.of("users", "catalog", "reservations", "orders", "payments");

  public static final long BODY_MAX_BYTES = 64 * 1024;

  /** An instance that is silent for so long to who reads is taken for one that hangs. */
  private static final String READ_TIMEOUT = "3s";

  /**
   * Longer than the default of {@code checkout.waitMax}, for which a request may be held on
   * purpose, and than the time between two signs of life of an event stream.
   */
  private static final String HELD_TIMEOUT = "40s";

  /** Where a place has an error_page of its own it has none of the server's. */
  private static final String REFUSED_BODIES =
      "error_page 400 = /problems/malformed; error_page 413 = @too_large;";

  private static final int BURST_SECONDS = 2;

  public GatewayConfig {
    for (var role : ROLES) {
      if (roles.getOrDefault(role, List.of()).isEmpty()) {
        throw new IllegalArgumentException("the gateway needs an address of the role " + role);
      }
    }
    if (!folder.isAbsolute()) {
      throw new IllegalArgumentException(folder + " is not absolute");
    }
    roles = Map.copyOf(roles);
    down = Set.copyOf(down);
  }

  /** The same without those that are about to be stopped. */
  public GatewayConfig without(Set<URI> addresses) {
    return new GatewayConfig(
        listen, roles, addresses, folder, ratePerAddress, bodyMaxBytes, tls, files);
  }

  /** The text of nginx.conf, for nginx 1.18 and later. */
  public String text() {
    return """
        # Made by `flashsale gateway`; make it anew rather than changing it here.
        worker_processes auto;
        worker_rlimit_nofile 65536;
        pid %1$s/nginx.pid;
        error_log %1$s/error.log warn;

        events {
          worker_connections 16384;
        }

        http {
          # Everything below one folder, so that no root is needed.
          client_body_temp_path %1$s/body;
          proxy_temp_path %1$s/proxy;
          fastcgi_temp_path %1$s/fastcgi;
          uwsgi_temp_path %1$s/uwsgi;
          scgi_temp_path %1$s/scgi;

          # The pages of the catalogue, each for the second in which it was made: see below.
          proxy_cache_path %1$s/pages levels=1:2 keys_zone=pages:4m max_size=64m inactive=10s
            use_temp_path=off;

          log_format told escape=json '{"at":"$time_iso8601","id":"$told_id","address":"$remote_addr",'
            '"method":"$request_method","path":"$uri","status":$status,"seconds":$request_time,'
            '"upstream":"$upstream_addr","upstreamSeconds":"$upstream_response_time"}';
          access_log %1$s/access.log told buffer=64k flush=1s;

          server_tokens off;
          tcp_nodelay on;
          sendfile on;
          keepalive_requests 1000000;
          keepalive_timeout 75s;
          client_header_timeout 10s;
          client_body_timeout 10s;
          client_max_body_size %2$d;
          client_body_buffer_size 64k;
          large_client_header_buffers 4 16k;

          # A client's own id where it is harmless to repeat, else a new one.
          map $http_x_request_id $told_id {
            "~^[A-Za-z0-9-]{1,64}$" $http_x_request_id;
            default $request_id;
          }

          # Who waits for the end is sent round in turn. Who does not wait, goes where least is under way.
          # Who reads has a pool of their own: reads that are too slow make nobody unavailable to buyers.
          map $http_prefer $pool_kind {
            "~*respond-async" async;
            default sync;
          }

          # How a request is sent: a read may be repeated, and the rest is told apart below. The dead
          # letters are those of all roles, which takes longer than other reads. Of what HTTP allows to
          # repeat, a cart's items and a reservation's release end the same and are answered the same.
          map "$request_method $uri" $way {
            "~^(GET|HEAD|POST) /api/v1/admin/dead-letters" post;
            "~^(GET|HEAD) " read;
            "~^(POST|PATCH) " post;
            "~^(PUT|DELETE) /api/v1/carts/[^/]+/items/[^/]+$" put;
            "~^DELETE /api/v1/reservations/[^/]+$" put;
            default once;
          }

          # Whose an address is. The roles' own /metrics and /health, and their doors, are not for outside.
          map $uri $role {
            "~^/api/v1/(users|sessions)(/|$)" users;
            /.well-known/jwks.json users;
            "~^/api/v1/(sales|products)(/|$)" catalog;
            "~^/api/v1/admin/(products|sales|offers)(/|$)" catalog;
            /openapi catalog;
            "~^/api/v1/(carts|reservations)(/|$)" reservations;
            "~^/api/v1/admin/dead-letters(/|$)" reservations;
            "~^/api/v1/orders(/|$)" orders;
            "~^/api/v1/(payments|admin/orders)(/|$)" payments;
            default "";
          }

          # What is left of a client's limit is told with what nobody else is told: never with a page.
          map "$upstream_cache_status:$upstream_status" $own_limit {
            "~^BYPASS:" $upstream_http_ratelimit;
            "~:(|.* )429$" $upstream_http_ratelimit;
            default "";
          }
          map "$upstream_cache_status:$upstream_status" $own_limit_policy {
            "~^BYPASS:" $upstream_http_ratelimit_policy;
            "~:(|.* )429$" $upstream_http_ratelimit_policy;
            default "";
          }

        %3$s%4$s
          proxy_http_version 1.1;
          proxy_set_header Connection "";
          proxy_set_header Host $http_host;
          proxy_set_header X-Request-Id $told_id;
          # Overwritten: what a client says of itself here is not to be believed.
          proxy_set_header X-Forwarded-For $remote_addr;
          proxy_set_header X-Forwarded-Proto $scheme;
          proxy_connect_timeout 1s;
          proxy_send_timeout 5s;
          proxy_read_timeout %5$s;
          # Another instance is asked if this one cannot be reached, breaks off or hangs: by all who read,
          # and by the others if nothing of it was sent, or else as is said there. An answer is an answer,
          # 503 too: counted as a failure, a few of them would make the whole role unavailable.
          proxy_next_upstream error timeout;
          proxy_next_upstream_tries 3;
          proxy_next_upstream_timeout 5s;

          server {
        %6$s
            # Where nginx has not even read an address, it leads to no place with an @.
            error_page 400 405 497 501 505 = /problems/malformed;
            error_page 414 = /problems/long-address;
            error_page 404 = @unknown;
            error_page 413 = @too_large;
            error_page 494 = @long_headers;
            error_page 429 = @too_many;
            error_page 500 502 503 504 = @unavailable;
            # Nobody is told of these: they lead from the address to the way.
            error_page 418 = @post;
            error_page 419 = @put;
            error_page 420 = @once;
            recursive_error_pages on;
        %7$s
        %8$s
            location = /health/live { default_type application/json; return 200 '{"status":"UP"}'; }
            location = /health/ready { default_type application/json; return 200 '{"status":"UP"}'; }
        %9$s
            location = /problems/malformed { internal; %10$s }
            location = /problems/long-address { internal; %13$s }
            location @unknown { %11$s }
            location @too_large { %12$s }
            location @long_headers { %14$s }
            location @too_many { add_header Retry-After 1 always; %15$s }
            location @unavailable { add_header Retry-After 1 always; %16$s }
          }
        }
        """
        .formatted(
            folder,
            bodyMaxBytes,
            pools(),
            limits(),
            READ_TIMEOUT,
            listener(),
            limited(),
            locations(),
            fileLocation(),
            problem(400, "BAD_REQUEST", "The request cannot be understood."),
            problem(404, "NOT_FOUND", "There is no such address."),
            problem(
                413,
                "REQUEST_ENTITY_TOO_LARGE",
                "The body has more than " + bodyMaxBytes + " bytes."),
            problem(414, "REQUEST_URI_TOO_LONG", "The address is too long."),
            problem(431, "REQUEST_HEADER_FIELDS_TOO_LARGE", "The headers are too long."),
            problem(429, "RATE_LIMITED", "Too many requests from this address; try again."),
            problem(503, "UNAVAILABLE", "Nobody answers this at present; try again."));
  }

  private String pools() {
    return ROLES.stream().map(this::pool).collect(Collectors.joining());
  }

  private String pool(String role) {
    var servers =
        roles.get(role).stream()
            .map(
                url ->
                    "    server %s:%d max_fails=2 fail_timeout=2s%s;%n"
                        .formatted(url.getHost(), port(url), down.contains(url) ? " down" : ""))
            .collect(Collectors.joining());
    return pool(role + "_read", "", servers)
        + pool(role + "_sync", "", servers)
        + pool(role + "_async", "    least_conn;\n", servers);
  }

  /** Lets go of a connection before the server does, or it could do so while a POST is sent. */
  private static String pool(String name, String balancing, String servers) {
    return """
          upstream %1$s {
            zone %1$s 128k;
        %2$s%3$s    keepalive 128;
            keepalive_requests 1000000;
            keepalive_timeout 30s;
          }
        """
        .formatted(name, balancing, servers);
  }

  private static int port(URI url) {
    if (url.getPort() >= 0) {
      return url.getPort();
    }
    return "https".equals(url.getScheme()) ? 443 : 80;
  }

  private String limits() {
    return ratePerAddress == 0
        ? ""
        : """
          limit_req_zone $binary_remote_addr zone=address:16m rate=%dr/s;
          limit_req_status 429;
        """
            .formatted(ratePerAddress);
  }

  private String limited() {
    return ratePerAddress == 0
        ? ""
        : "    limit_req zone=address burst=%d nodelay;%n"
            .formatted(ratePerAddress * BURST_SECONDS);
  }

  private String listener() {
    return tls.isEmpty()
        ? "    listen " + listen + " backlog=4096;"
        : """
            listen %s ssl backlog=4096;
            ssl_certificate %s;
            ssl_certificate_key %s;
            ssl_protocols TLSv1.2 TLSv1.3;
            ssl_session_cache shared:tls:16m;
            ssl_session_timeout 1h;\
        """
            .formatted(listen, tls.get().certificate(), tls.get().key());
  }

  private static String locations() {
    return """
            # Everybody reads the same pages, so one request a second for each is enough, and those that
            # come while it takes longer than 10 ms. The second is in the key: no page outlives it. Who
            # shows a token, such as a merchant who has just changed something, asks the catalogue itself.
            location ~ ^/api/v1/(sales|products)(/|$) {
              proxy_cache pages;
              proxy_cache_key $time_iso8601$request_uri;
              proxy_cache_valid 200 1s;
              proxy_cache_bypass $http_authorization;
              proxy_no_cache $http_authorization;
              proxy_cache_lock on;
              proxy_cache_lock_timeout 10ms;
              # The catalogue tells browsers to ask each time; here they ask.
              proxy_ignore_headers Cache-Control Expires;
              proxy_hide_header X-Request-Id;
              proxy_hide_header RateLimit;
              proxy_hide_header RateLimit-Policy;
              add_header X-Request-Id $told_id always;
              add_header RateLimit $own_limit always;
              add_header RateLimit-Policy $own_limit_policy always;
              add_header X-Server-Time $msec always;
              proxy_pass http://catalog_read;
            }

            # This asks every role, and may take as long as their tables are large.
            location ~ ^/api/v1/admin/(audit|sales/[^/]+/audit)$ {
              proxy_read_timeout 10m;
              proxy_pass http://reservations_read;
            }

            # Server-sent events: each as it comes, for as long as the client listens.
            location ~ ^/api/v1/(reservations|payments)/[^/]+/events$ {
              proxy_buffering off;
              proxy_read_timeout %1$s;
              proxy_pass http://${role}_read;
            }

            location / {
              if ($role = "") { return 404; }
              if ($way = post) { return 418; }
              if ($way = put) { return 419; }
              if ($way = once) { return 420; }
              proxy_pass http://${role}_read;
            }

            # What changes something is waited for: nobody else could tell what came of it, and what an
            # instance that hung does in the end may come after what the customer did next. nginx itself
            # knows that a POST must not be sent twice.
            location @post {
              proxy_read_timeout %1$s;
              proxy_pass http://${role}_$pool_kind;
            }
            # Sent again also if the instance broke off; if it hangs, not.
            location @put {
              proxy_read_timeout %1$s;
              proxy_next_upstream error;
              error_page 504 = @elsewhere;
              error_page 500 502 503 = @unavailable;
              %2$s
              proxy_pass http://${role}_$pool_kind;
            }
            # nginx would repeat these, as HTTP allows. But the old password is wrong the second time, and
            # whoever has signed out is a stranger.
            location @once {
              proxy_read_timeout %1$s;
              proxy_next_upstream off;
              error_page 502 504 = @elsewhere;
              error_page 500 503 = @unavailable;
              %2$s
              proxy_pass http://${role}_$pool_kind;
            }
            # Twice more, as long as nobody was sent anything of it.
            location @elsewhere {
              if ($upstream_bytes_sent !~ "^0((,| :) 0)?$") { return 503; }
              proxy_read_timeout %1$s;
              proxy_next_upstream off;
              error_page 502 504 = @elsewhere;
              error_page 500 503 = @unavailable;
              %2$s
              proxy_pass http://${role}_$pool_kind;
            }
        """
        .formatted(HELD_TIMEOUT, REFUSED_BODIES);
  }

  private String fileLocation() {
    return files
        .map(folder -> "    location /files/ { access_log off; alias " + folder + "/; }\n")
        .orElse("");
  }

  private static String problem(int status, String code, String detail) {
    return """
        default_type application/problem+json; return %1$d \
        '{"type":"about:blank","title":"%2$s","status":%1$d,"code":"%3$s","detail":"%4$s"}';\
        """
        .formatted(status, code.replace('_', ' ').toLowerCase(Locale.ROOT), code, detail);
  }
}
