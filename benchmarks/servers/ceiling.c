/* The most that any server could do: epoll, one read, one send, no JSON. It shows how much the load generator can take.
 *
 * Answers each masked frame with a pong that has its id, and sends an event to all for each that `publish N` asks for.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 65536, BUFFER = 1 << 16, EVENT = 300 };

static unsigned char kept[CLIENTS][256]; /* the beginning of a frame whose end has not come */
static int kept_size[CLIENTS], client_open[CLIENTS];
static char events[EVENT * 64];

static size_t reply(unsigned char *out, const unsigned char *text, size_t size)
{
    const char *id = memmem(text, size, "\"id\":", 5);
    if (!id)
        return 0;
    int digits = (int)strspn(id + 5, "0123456789");
    int length = sprintf((char *)out + 2, "{\"jsonrpc\":\"2.0\",\"result\":\"pong\",\"id\":%.*s}", digits, id + 5);
    out[0] = 0x81;
    out[1] = (unsigned char)length;
    return 2 + length;
}

static void forget(int fd)
{
    close(fd);
    client_open[fd] = kept_size[fd] = 0;
}

static void take(int fd)
{
    static unsigned char in[BUFFER + 256], out[BUFFER * 2];
    memcpy(in, kept[fd], kept_size[fd]);
    ssize_t got = recv(fd, in + kept_size[fd], BUFFER, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            forget(fd);
        return;
    }
    size_t size = kept_size[fd] + got, at = 0, filled = 0;
    if (!client_open[fd]) {
        static const char head[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                   "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        client_open[fd] = 1;
        if (send(fd, head, sizeof head - 1, MSG_NOSIGNAL) < 0)
            forget(fd);
        return;
    }
    while (size - at >= 6) {
        size_t length = in[at + 1] & 0x7f;
        if (size - at < 6 + length)
            break;
        for (size_t place = 0; place < length; place++)
            in[at + 6 + place] ^= in[at + 2 + place % 4];
        filled += reply(out + filled, in + at + 6, length);
        at += 6 + length;
    }
    kept_size[fd] = (int)(size - at);
    memcpy(kept[fd], in + at, kept_size[fd]);
    if (filled && send(fd, out, filled, MSG_NOSIGNAL) < 0)
        forget(fd);
}

static int publish(void)
{
    char line[256];
    ssize_t got = read(0, line, sizeof line - 1);
    if (got <= 0)
        return 0;
    line[got] = 0;
    int count = 0;
    if (sscanf(line, "publish %d", &count) != 1 || count < 1 || count > 64)
        return 1;
    for (int number = 0; number < count; number++) {
        char *event = events + number * EVENT;
        memset(event, ' ', EVENT);
        memcpy(event, "\x81\x7e\x01\x28{}", 6); /* 296 bytes of JSON */
    }
    for (int fd = 0; fd < CLIENTS; fd++)
        if (client_open[fd] && send(fd, events, (size_t)count * EVENT, MSG_NOSIGNAL) < 0)
            forget(fd);
    return 1;
}

int main(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int listener = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0), one = 1;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    struct epoll_event wanted = {.events = EPOLLIN}, ready[1024];
    if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 1024) ||
        getsockname(listener, (struct sockaddr *)&here, &size))
        return 1;
    wanted.data.fd = listener;
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &wanted);
    wanted.data.fd = 0;
    epoll_ctl(poll, EPOLL_CTL_ADD, 0, &wanted);
    printf("ws://127.0.0.1:%d/\n", ntohs(here.sin_port));
    fflush(stdout);
    for (;;) {
        int count = epoll_wait(poll, ready, 1024, -1);
        for (int place = 0; place < count; place++) {
            int fd = ready[place].data.fd;
            if (fd == listener) {
                int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                if (client < 0)
                    continue;
                if (client >= CLIENTS) {
                    close(client);
                    continue;
                }
                setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                wanted.data.fd = client;
                epoll_ctl(poll, EPOLL_CTL_ADD, client, &wanted);
            } else if (fd == 0) {
                if (!publish())
                    return 0;
            } else
                take(fd);
        }
    }
}
