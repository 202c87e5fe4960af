/* rtnetlink: the bridge, a pod's pair of devices, addresses, routes. A veth is never deleted: its namespace's end takes it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../kernel.h"
#include "../protocol.h"
#include "../small-file.h"
#include "host.h"

#define ROUTE_PROTOCOL 0x43 /* ours, so that stale routes can be told from the administrator's */

union message {
    char bytes[8192];
    struct nlmsghdr header;
};

static struct nlmsghdr *begin(union message *message, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *header = mnl_nlmsg_put_header(message->bytes);
    header->nlmsg_type = type;
    header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    header->nlmsg_seq = 1;
    return header;
}

static struct mnl_socket *open_route(struct failure *failure)
{
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (socket != NULL && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0) return socket;
    fail_errno(failure, FAILED, "opening a netlink socket");
    if (socket != NULL) mnl_socket_close(socket);
    return NULL;
}

/* Sends and waits for the acknowledgement; -1 with errno. */
static int talk(struct mnl_socket *socket, const struct nlmsghdr *header)
{
    char answer[8192];
    if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0) return -1;
    ssize_t size = mnl_socket_recvfrom(socket, answer, sizeof answer);
    if (size < 0) return -1;
    return mnl_cb_run(answer, (size_t)size, header->nlmsg_seq, mnl_socket_get_portid(socket), NULL, NULL) < 0 ? -1 : 0;
}

static int set_up(struct mnl_socket *socket, unsigned index)
{
    union message message;
    struct nlmsghdr *header = begin(&message, RTM_NEWLINK, 0);
    struct ifinfomsg *link = mnl_nlmsg_put_extra_header(header, sizeof *link);
    *link = (struct ifinfomsg){.ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    return talk(socket, header);
}

/* A pod that calls its own Service is answered through the port that it called from. By netlink, not through /sys: that may
 * show the devices of another network namespace than ours. */
static int set_hairpin(struct mnl_socket *socket, unsigned index)
{
    union message message;
    struct nlmsghdr *header = begin(&message, RTM_SETLINK, 0);
    struct ifinfomsg *link = mnl_nlmsg_put_extra_header(header, sizeof *link);
    *link = (struct ifinfomsg){.ifi_family = AF_BRIDGE, .ifi_index = (int)index};
    struct nlattr *port = mnl_attr_nest_start(header, IFLA_PROTINFO);
    mnl_attr_put_u8(header, IFLA_BRPORT_MODE, 1);
    mnl_attr_nest_end(header, port);
    return talk(socket, header);
}

static int add_address(struct mnl_socket *socket, unsigned index, uint32_t address, uint32_t prefix)
{
    union message message;
    struct nlmsghdr *header = begin(&message, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
    struct ifaddrmsg *body = mnl_nlmsg_put_extra_header(header, sizeof *body);
    *body = (struct ifaddrmsg){.ifa_family = AF_INET, .ifa_prefixlen = (uint8_t)prefix, .ifa_index = index};
    mnl_attr_put_u32(header, IFA_LOCAL, htonl(address));
    mnl_attr_put_u32(header, IFA_ADDRESS, htonl(address));
    return talk(socket, header);
}

static int change_route(struct mnl_socket *socket, uint16_t type, uint32_t net, uint32_t prefix, uint32_t via)
{
    union message message;
    struct nlmsghdr *header = begin(&message, type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_REPLACE : 0);
    struct rtmsg *route = mnl_nlmsg_put_extra_header(header, sizeof *route);
    *route = (struct rtmsg){.rtm_family = AF_INET, .rtm_dst_len = (uint8_t)prefix, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = ROUTE_PROTOCOL,
                            .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST};
    if (prefix > 0) mnl_attr_put_u32(header, RTA_DST, htonl(net));
    mnl_attr_put_u32(header, RTA_GATEWAY, htonl(via));
    return talk(socket, header);
}

static int create_veth(struct mnl_socket *socket, pid_t pid, const struct pod_link *link, unsigned bridge)
{
    union message message;
    uint8_t mac[6] = {0x0a, 0x58, (uint8_t)(link->address >> 24), (uint8_t)(link->address >> 16), (uint8_t)(link->address >> 8), (uint8_t)link->address};
    struct nlmsghdr *header = begin(&message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    struct ifinfomsg *body = mnl_nlmsg_put_extra_header(header, sizeof *body);
    *body = (struct ifinfomsg){0};
    mnl_attr_put_strz(header, IFLA_IFNAME, link->veth);
    mnl_attr_put_u32(header, IFLA_MASTER, bridge);
    struct nlattr *info = mnl_attr_nest_start(header, IFLA_LINKINFO);
    mnl_attr_put_strz(header, IFLA_INFO_KIND, "veth");
    struct nlattr *data = mnl_attr_nest_start(header, IFLA_INFO_DATA);
    struct nlattr *peer = mnl_attr_nest_start(header, VETH_INFO_PEER);
    struct ifinfomsg *other = mnl_nlmsg_put_extra_header(header, sizeof *other);
    *other = (struct ifinfomsg){0};
    mnl_attr_put_strz(header, IFLA_IFNAME, "eth0");
    /* the hardware address follows the IP address: neighbours that remember an earlier pod are right about the new one */
    mnl_attr_put(header, IFLA_ADDRESS, sizeof mac, mac);
    mnl_attr_put_u32(header, IFLA_NET_NS_PID, (uint32_t)pid);
    mnl_attr_nest_end(header, peer);
    mnl_attr_nest_end(header, data);
    mnl_attr_nest_end(header, info);
    return talk(socket, header);
}

static int configure_inside(const struct pod_link *link, struct failure *failure)
{
    struct mnl_socket *socket = open_route(failure);
    if (socket == NULL) return -1;
    unsigned index = if_nametoindex("eth0");
    int result = 0;
    if (set_up(socket, 1) < 0) result = fail_errno(failure, FAILED, "setting up the pod's loopback");
    else if (index == 0 || add_address(socket, index, link->address, link->prefix) < 0) result = fail_errno(failure, FAILED, "giving eth0 its address");
    else if (set_up(socket, index) < 0) result = fail_errno(failure, FAILED, "setting up eth0");
    else if (change_route(socket, RTM_NEWROUTE, 0, 0, link->gateway) < 0) result = fail_errno(failure, FAILED, "adding the pod's default route");
    mnl_socket_close(socket);
    return result;
}

/* We have one thread, so it may visit the pod's network and come back. */
static int visit(pid_t pid, const struct pod_link *link, struct failure *failure)
{
    int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there = process_fd(pid), result;
    if (home < 0 || there < 0 || setns(there, CLONE_NEWNET) < 0) {
        result = fail_errno(failure, FAILED, "entering the pod's network namespace");
    } else {
        result = configure_inside(link, failure);
        if (setns(home, CLONE_NEWNET) < 0) {
            perror("coracle-host: returning to the host's network namespace");
            abort();
        }
    }
    if (home >= 0) close(home);
    if (there >= 0) close(there);
    return result;
}

int network_attach(pid_t pid, const struct pod_link *link, struct failure *failure)
{
    unsigned bridge = if_nametoindex(link->bridge);
    if (bridge == 0) return fail_errno(failure, FAILED, "finding the bridge %s", link->bridge);
    struct mnl_socket *socket = open_route(failure);
    if (socket == NULL) return -1;
    int result = 0;
    if (create_veth(socket, pid, link, bridge) < 0) result = fail_errno(failure, FAILED, "making the device %s", link->veth);
    else if (set_up(socket, if_nametoindex(link->veth)) < 0) result = fail_errno(failure, FAILED, "setting up %s", link->veth);
    else if (set_hairpin(socket, if_nametoindex(link->veth)) < 0) result = fail_errno(failure, FAILED, "setting the hairpin mode of %s", link->veth);
    mnl_socket_close(socket);
    return result < 0 ? -1 : visit(pid, link, failure);
}

static int make_bridge(struct mnl_socket *socket, const char *name, uint32_t address, uint32_t prefix, struct failure *failure)
{
    union message message;
    struct nlmsghdr *header = begin(&message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    struct ifinfomsg *body = mnl_nlmsg_put_extra_header(header, sizeof *body);
    *body = (struct ifinfomsg){0};
    uint8_t mac[6] = {0x0a, 0x58, (uint8_t)(address >> 24), (uint8_t)(address >> 16), (uint8_t)(address >> 8), (uint8_t)address};
    mnl_attr_put_strz(header, IFLA_IFNAME, name);
    mnl_attr_put(header, IFLA_ADDRESS, sizeof mac, mac); /* fixed, or it changes with every pod that comes and goes */
    struct nlattr *info = mnl_attr_nest_start(header, IFLA_LINKINFO);
    mnl_attr_put_strz(header, IFLA_INFO_KIND, "bridge");
    mnl_attr_nest_end(header, info);
    if (talk(socket, header) < 0 && errno != EEXIST) return fail_errno(failure, FAILED, "making the bridge %s", name);
    unsigned index = if_nametoindex(name);
    if (add_address(socket, index, address, prefix) < 0) return fail_errno(failure, FAILED, "giving %s its address", name);
    return set_up(socket, index) < 0 ? fail_errno(failure, FAILED, "setting up %s", name) : 0;
}

static int write_setting(const char *path, const char *value, struct failure *failure)
{
    return write_small(AT_FDCWD, path, value) < 0 ? fail_errno(failure, FAILED, "writing %s to %s", value, path) : 0;
}

struct route {
    uint32_t net, prefix, via;
};
struct stale {
    const struct route *wanted;
    uint32_t wanted_count;
    struct network_range cluster;
    struct route found[256];
    uint32_t count;
};

static uint32_t mask_of(uint32_t prefix)
{
    return prefix == 0 ? 0 : ~0u << (32 - prefix);
}

static int collect_stale(const struct nlmsghdr *header, void *data)
{
    struct stale *stale = data;
    const struct rtmsg *body = mnl_nlmsg_get_payload(header);
    struct route route = {.prefix = body->rtm_dst_len};
    if (body->rtm_protocol != ROUTE_PROTOCOL || body->rtm_table != RT_TABLE_MAIN || route.prefix == 0) return MNL_CB_OK;
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, header, sizeof *body) {
        if (mnl_attr_get_type(attribute) == RTA_DST) route.net = ntohl(mnl_attr_get_u32(attribute));
        if (mnl_attr_get_type(attribute) == RTA_GATEWAY) route.via = ntohl(mnl_attr_get_u32(attribute));
    }
    if ((route.net & mask_of(stale->cluster.prefix)) != stale->cluster.net) return MNL_CB_OK;
    for (uint32_t i = 0; i < stale->wanted_count; i++) {
        if (stale->wanted[i].net == route.net && stale->wanted[i].prefix == route.prefix) return MNL_CB_OK;
    }
    if (stale->count < 256) stale->found[stale->count++] = route;
    return MNL_CB_OK;
}

static int dump_once(uint16_t type, size_t body, mnl_cb_t callback, void *data)
{
    union message message;
    char answer[16384];
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (socket == NULL) return -1;
    struct nlmsghdr *header = mnl_nlmsg_put_header(message.bytes);
    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header->nlmsg_seq = 2;
    memset(mnl_nlmsg_put_extra_header(header, body), 0, body);
    if (type == RTM_GETROUTE) ((struct rtmsg *)mnl_nlmsg_get_payload(header))->rtm_family = AF_INET;
    int result = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 || mnl_socket_sendto(socket, header, header->nlmsg_len) < 0 ? -1 : MNL_CB_OK;
    while (result > MNL_CB_STOP) {
        ssize_t size = mnl_socket_recvfrom(socket, answer, sizeof answer);
        result = size < 0 ? -1 : mnl_cb_run(answer, (size_t)size, 2, mnl_socket_get_portid(socket), callback, data);
    }
    int reason = errno;
    mnl_socket_close(socket);
    errno = reason;
    return result;
}

/* Lists devices or routes. What changes while it is listed interrupts the list: it begins again, with nothing found. */
static int dump(uint16_t type, size_t body, mnl_cb_t callback, void *data, uint32_t *found)
{
    for (int tries = 0; tries < 100; tries++) {
        *found = 0;
        if (dump_once(type, body, callback, data) == 0) return 0;
        if (errno != EINTR) return -1;
    }
    return -1;
}

static int set_routes(struct mnl_socket *socket, const struct route *routes, uint32_t count, struct network_range cluster, struct failure *failure)
{
    struct stale *stale = must_alloc(sizeof *stale);
    *stale = (struct stale){.wanted = routes, .wanted_count = count, .cluster = cluster};
    int result = 0;
    if (dump(RTM_GETROUTE, sizeof(struct rtmsg), collect_stale, stale, &stale->count) < 0) result = fail_errno(failure, FAILED, "reading routes");
    for (uint32_t i = 0; i < stale->count && result == 0; i++) {
        const struct route *route = &stale->found[i];
        if (change_route(socket, RTM_DELROUTE, route->net, route->prefix, route->via) < 0 && errno != ESRCH) result = fail_errno(failure, FAILED, "removing a stale route");
    }
    for (uint32_t i = 0; i < count && result == 0; i++) {
        if (change_route(socket, RTM_NEWROUTE, routes[i].net, routes[i].prefix, routes[i].via) == 0) continue;
        char net[INET_ADDRSTRLEN], via[INET_ADDRSTRLEN];
        struct in_addr a = {htonl(routes[i].net)}, b = {htonl(routes[i].via)};
        result = fail_errno(failure, FAILED, "routing %s/%u via %s", inet_ntop(AF_INET, &a, net, sizeof net), routes[i].prefix, inet_ntop(AF_INET, &b, via, sizeof via));
    }
    free(stale);
    return result;
}

int network_configure(struct reader *reader, struct failure *failure)
{
    const char *bridge = read_text(reader);
    uint32_t address = read_u32(reader), prefix = read_u32(reader);
    const char *table = read_text(reader);
    struct network_range pods = {read_u32(reader), 0}, cluster;
    pods.prefix = read_u32(reader);
    cluster.net = read_u32(reader);
    cluster.prefix = read_u32(reader);
    uint32_t count = read_count(reader, 12);
    struct route *routes = must_alloc((count + 1) * sizeof *routes);
    for (uint32_t i = 0; i < count; i++) {
        routes[i].net = read_u32(reader);
        routes[i].prefix = read_u32(reader);
        routes[i].via = read_u32(reader);
        if (routes[i].prefix > 32) reader->bad = true;
    }
    if (prefix > 32 || pods.prefix > 32 || cluster.prefix > 32) reader->bad = true;
    struct mnl_socket *socket = reader->bad ? NULL : open_route(failure);
    int result = reader->bad ? fail(failure, FAILED, "the network request is malformed") : socket == NULL ? -1 : make_bridge(socket, bridge, address, prefix, failure);
    if (result == 0) result = write_setting("/proc/sys/net/ipv4/ip_forward", "1", failure);
    if (result == 0) result = set_routes(socket, routes, count, cluster, failure);
    if (result == 0) result = masquerade_set(table, pods, cluster, failure);
    if (socket != NULL) mnl_socket_close(socket);
    free(routes);
    return result;
}

struct named {
    const char *prefix;
    int found[1024];
    uint32_t count;
};

static int collect_named(const struct nlmsghdr *header, void *data)
{
    struct named *named = data;
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(header);
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, header, sizeof *link) {
        if (mnl_attr_get_type(attribute) != IFLA_IFNAME || strncmp(mnl_attr_get_str(attribute), named->prefix, strlen(named->prefix)) != 0) continue;
        if (named->count < 1024) named->found[named->count++] = link->ifi_index;
    }
    return MNL_CB_OK;
}

int network_delete(const char *prefix, struct failure *failure)
{
    struct mnl_socket *socket = open_route(failure);
    if (socket == NULL) return -1;
    struct named *named = must_alloc(sizeof *named);
    named->prefix = prefix;
    int result = dump(RTM_GETLINK, sizeof(struct ifinfomsg), collect_named, named, &named->count) < 0 ? fail_errno(failure, FAILED, "listing network devices") : 0;
    for (uint32_t i = 0; i < named->count && result == 0; i++) {
        union message message;
        struct nlmsghdr *header = begin(&message, RTM_DELLINK, 0);
        struct ifinfomsg *link = mnl_nlmsg_put_extra_header(header, sizeof *link);
        *link = (struct ifinfomsg){.ifi_index = named->found[i]};
        /* a veth may go by itself in the meantime, with its namespace */
        if (talk(socket, header) < 0 && errno != ENODEV) result = fail_errno(failure, FAILED, "deleting a network device of %s", prefix);
    }
    free(named);
    mnl_socket_close(socket);
    return result;
}
