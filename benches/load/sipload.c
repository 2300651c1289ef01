/* sipload: an even, cheap driver of SIP calls on loopback, and the floor that any stack is measured against.
 *
 *   sipload uac PORT DST_PORT USER RATE SECONDS [HOLD_MS]   INVITE (SDP) 180 200 ACK [hold] BYE 200, evenly paced; one line of counts
 *   sipload uas PORT                                        answers 180 and 200 (SDP), 200 to BYE, until SIGTERM
 *
 * It is no SIP stack: fixed templates, UDP, one thread. Runs are bounded: RATE * SECONDS calls, ended 40 s after the last one is due.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, DATAGRAM = 4096, TEXT = 96, TRIES = 7 };
static const uint64_t T1 = 500000000u; /* ns */

static const char SDP[] =
    "v=0\r\no=u 53655765 2353687637 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 6000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

static volatile sig_atomic_t stopped;
static void on_signal(int number) { (void)number; stopped = 1; }

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double cpu_seconds(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}

/* ---- a socket that receives in batches ---- */

static int fd;
static struct mmsghdr batch[BATCH];
static struct iovec slices[BATCH];
static char data[BATCH][DATAGRAM];
static struct sockaddr_in from[BATCH];

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    return a;
}

static void open_socket(int port) {
    struct sockaddr_in a = loopback(port);
    int room = 4 << 20;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    if (fd < 0 || bind(fd, (void *)&a, sizeof a)) { perror("bind"); exit(1); }
    for (int i = 0; i < BATCH; i++) {
        slices[i] = (struct iovec){ data[i], DATAGRAM - 1 };
        batch[i].msg_hdr = (struct msghdr){ .msg_iov = &slices[i], .msg_iovlen = 1, .msg_name = &from[i], .msg_namelen = sizeof from[i] };
    }
}

/* How many datagrams came; each is terminated by a zero. */
static int receive(void) {
    int n = recvmmsg(fd, batch, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) data[i][batch[i].msg_len] = 0;
    return n;
}

/* The value of the first header whose line starts with `name` (with its CRLF before and its colon). */
static char *header(char *message, const char *name, size_t *length) {
    char *value = strcasestr(message, name), *end;
    if (!value) return NULL;
    value += strlen(name);
    if (!(end = strstr(value, "\r\n"))) return NULL;
    while (*value == ' ') value++;
    *length = (size_t)(end - value);
    return value;
}

/* ---- uas ---- */

static int starts(const char *line, const char *name) { return !strncasecmp(line, name, strlen(name)); }

/* Copies what a response must repeat, with a To tag. */
static void echo_headers(char *request, char *out) {
    char *line = strstr(request, "\r\n");
    for (line += 2; *line && *line != '\r'; ) {
        char *end = strstr(line, "\r\n");
        if (!end) break;
        size_t length = (size_t)(end - line);
        if (starts(line, "Via:") || starts(line, "From:") || starts(line, "Call-ID:") || starts(line, "CSeq:")
            || starts(line, "Record-Route:") || starts(line, "To:")) {
            int untagged = starts(line, "To:") && !memmem(line, length, ";tag=", 5);
            out += sprintf(out, "%.*s%s\r\n", (int)length, line, untagged ? ";tag=uas1" : "");
        }
        line = end + 2;
    }
    *out = 0;
}

static void reply(int to, const char *text, int length) {
    sendto(fd, text, (size_t)length, 0, (void *)&from[to], sizeof from[to]);
}

static int uas(int port) {
    unsigned long invites = 0, acks = 0, byes = 0;
    struct pollfd wait = { 0, POLLIN, 0 };
    open_socket(port);
    wait.fd = fd;
    while (!stopped) {
        int n;
        poll(&wait, 1, 100);
        while ((n = receive()) > 0) {
            for (int i = 0; i < n; i++) {
                char head[DATAGRAM], out[2 * DATAGRAM];
                if (starts(data[i], "ACK")) { acks++; continue; }
                if (!strstr(data[i], "\r\n")) continue;
                echo_headers(data[i], head);
                if (starts(data[i], "INVITE")) {
                    invites++;
                    reply(i, out, sprintf(out, "SIP/2.0 180 Ringing\r\n%sContact: <sip:uas@127.0.0.1:%d>\r\nContent-Length: 0\r\n\r\n",
                                          head, port));
                    reply(i, out, sprintf(out, "SIP/2.0 200 OK\r\n%sContact: <sip:uas@127.0.0.1:%d>\r\n"
                                          "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
                                          head, port, strlen(SDP), SDP));
                } else {
                    byes++;
                    reply(i, out, sprintf(out, "SIP/2.0 200 OK\r\n%sContent-Length: 0\r\n\r\n", head));
                }
            }
        }
    }
    printf("sipload uas inv %lu ack %lu bye %lu cpu %.3f\n", invites, acks, byes, cpu_seconds());
    return 0;
}

/* ---- uac ---- */

enum state { INVITING, HOLDING, LEAVING, DONE, FAILED };
struct call {
    uint64_t started, next;
    enum state state;
    int tries;
    char tag[TEXT], target[TEXT];
};

static int port, to_port;
static const char *user;
static unsigned run;
static struct call *calls;

static void send_text(const char *text, int length) { (void)!send(fd, text, (size_t)length, 0); }

static void invite(long i) {
    char out[DATAGRAM];
    send_text(out, sprintf(out,
        "INVITE sip:%s@127.0.0.1:%d SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;rport;branch=z9hG4bKi%08lx%08x\r\nMax-Forwards: 70\r\n"
        "From: \"sipload\" <sip:load@127.0.0.1:%d>;tag=f%08lx\r\nTo: <sip:%s@127.0.0.1:%d>\r\nCall-ID: %08lx-%08x@sipload\r\n"
        "CSeq: 1 INVITE\r\nContact: <sip:load@127.0.0.1:%d>\r\nUser-Agent: sipload\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n"
        "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
        user, to_port, port, i, run, port, i, user, to_port, i, run, port, strlen(SDP), SDP));
}

static void in_dialog(long i, const char *method, int cseq) {
    char out[DATAGRAM];
    send_text(out, sprintf(out,
        "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;rport;branch=z9hG4bK%c%08lx%08x\r\nMax-Forwards: 70\r\n"
        "From: \"sipload\" <sip:load@127.0.0.1:%d>;tag=f%08lx\r\nTo: <sip:%s@127.0.0.1:%d>%s\r\nCall-ID: %08lx-%08x@sipload\r\n"
        "CSeq: %d %s\r\nContent-Length: 0\r\n\r\n",
        method, calls[i].target, port, method[0], i, run, port, i, user, to_port, calls[i].tag, i, run, cseq, method));
}

static void leave(long i, uint64_t now) {
    calls[i].state = LEAVING;
    calls[i].tries = 0;
    calls[i].next = now + T1;
    in_dialog(i, "BYE", 2);
}

static void copy_text(char *into, const char *text, size_t length) {
    if (length >= TEXT) length = TEXT - 1;
    memcpy(into, text, length);
    into[length] = 0;
}

/* Remembers the dialog that a final response to INVITE makes. */
static void learn_dialog(struct call *call, char *message) {
    size_t length;
    char *to = header(message, "\r\nTo:", &length), *tag = to ? memmem(to, length, ";tag=", 5) : NULL;
    copy_text(call->tag, tag ? tag : "", tag ? length - (size_t)(tag - to) : 0);
    char *contact = header(message, "\r\nContact:", &length), *open = contact ? memchr(contact, '<', length) : NULL;
    char *close = open ? memchr(open, '>', length - (size_t)(open - contact)) : NULL;
    if (close) copy_text(call->target, open + 1, (size_t)(close - open - 1));
    else snprintf(call->target, TEXT, "sip:%.60s@127.0.0.1:%d", user, to_port);
}

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static int uac(char **argument, int count) {
    port = atoi(argument[2]), to_port = atoi(argument[3]), user = argument[4];
    double rate = atof(argument[5]);
    int seconds = atoi(argument[6]);
    uint64_t hold = count > 7 ? (uint64_t)atol(argument[7]) * 1000000u : 0;
    long total = (long)(rate * seconds), sent = 0, ok = 0, failed = 0, repeated = 0, answered = 0, open = 0;
    float *setup = calloc((size_t)total + 1, sizeof *setup);
    double lag = 0;
    calls = calloc((size_t)total + 1, sizeof *calls);
    run = (unsigned)getpid();
    open_socket(port);
    struct sockaddr_in peer = loopback(to_port);
    if (!calls || !setup || connect(fd, (void *)&peer, sizeof peer)) { perror("sipload"); return 1; }

    struct pollfd wait = { fd, POLLIN, 0 };
    uint64_t start = now_ns(), scan = 0, deadline = start + (uint64_t)(seconds + 40) * 1000000000u + hold;
    while (ok + failed < total && !stopped && now_ns() < deadline) {
        uint64_t now = now_ns();
        long due = (long)((double)(now - start) * 1e-9 * rate) + 1;
        if (due > total) due = total;
        for (int burst = 0; sent < due && burst < 32; burst++, sent++) {
            calls[sent] = (struct call){ .started = now, .next = now + T1 };
            invite(sent);
        }
        int n, got = 0;
        while (got <= 512 && (n = receive()) > 0) {
            got += n;
            now = now_ns();
            for (int i = 0; i < n; i++) {
                char *message = data[i], *id, *cseq;
                size_t length;
                if (strncmp(message, "SIP/2.0 ", 8)) continue;
                int code = atoi(message + 8);
                if (!(id = header(message, "\r\nCall-ID:", &length)) && !(id = header(message, "\r\ni:", &length))) continue;
                long k = strtol(id, NULL, 16);
                if (code < 200 || k < 0 || k >= sent || !(cseq = header(message, "\r\nCSeq:", &length))) continue;
                struct call *call = &calls[k];
                if (memmem(cseq, length, "INVITE", 6)) {
                    if (call->state == INVITING) {
                        learn_dialog(call, message);
                        in_dialog(k, "ACK", 1);
                        if (code >= 300) { call->state = FAILED; failed++; continue; }
                        setup[answered++] = (float)((double)(now - call->started) * 1e-6);
                        call->state = HOLDING;
                        call->next = now + hold;
                        if (!hold) leave(k, now);
                    } else if (code < 300) {
                        repeated++;
                        in_dialog(k, "ACK", 1);
                    }
                } else if (call->state == LEAVING) {
                    if (code < 300) { call->state = DONE; ok++; } else { call->state = FAILED; failed++; }
                }
            }
        }
        if (now > scan) { /* retransmissions and holds that are over */
            scan = now + (hold && hold < 1000000000u ? 5000000u : 50000000u);
            while (open < sent && calls[open].state >= DONE) open++;
            for (long k = open; k < sent; k++) {
                struct call *call = &calls[k];
                if (call->state >= DONE || now < call->next) continue;
                if (call->state == HOLDING) { leave(k, now); continue; }
                if (++call->tries > TRIES) { call->state = FAILED; failed++; continue; }
                repeated++;
                call->next = now + (T1 << call->tries);
                if (call->state == INVITING) invite(k); else in_dialog(k, "BYE", 2);
            }
        }
        if ((double)(due - sent) / rate > lag) lag = (double)(due - sent) / rate;
        if (!got && sent >= due) poll(&wait, 1, 1);
    }
    double elapsed = (double)(now_ns() - start) * 1e-9;
    qsort(setup, (size_t)answered, sizeof *setup, by_value);
    printf("sipload uac n %ld sent %ld ok %ld failed %ld retrans %ld elapsed %.2f p50 %.3f p99 %.3f max %.1f cpu_us %.1f lag_s %.3f\n",
           total, sent, ok, total - ok, repeated, elapsed, answered ? setup[answered / 2] : 0.f,
           answered ? setup[(long)((double)answered * .99)] : 0.f, answered ? setup[answered - 1] : 0.f,
           cpu_seconds() * 1e6 / (double)(ok ? ok : 1), lag);
    return ok == total ? 0 : 1;
}

int main(int count, char **argument) {
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    if (count == 3 && !strcmp(argument[1], "uas")) return uas(atoi(argument[2]));
    if (count >= 7 && !strcmp(argument[1], "uac")) return uac(argument, count);
    fprintf(stderr, "usage: sipload uac PORT DST_PORT USER RATE SECONDS [HOLD_MS] | sipload uas PORT\n");
    return 2;
}
