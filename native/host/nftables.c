/* nf_tables: what leaves the cluster's addresses is masqueraded. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../protocol.h"
#include "host.h"

struct batch {
    char bytes[16384];
    struct mnl_nlmsg_batch *list;
    uint32_t sequence;
};

static struct nlmsghdr *next(struct batch *batch, uint16_t type, uint16_t flags)
{
    return nftnl_nlmsg_build_hdr(mnl_nlmsg_batch_current(batch->list), type, NFPROTO_IPV4, (uint16_t)(flags | NLM_F_ACK), batch->sequence++);
}

static void start(struct batch *batch)
{
    batch->list = mnl_nlmsg_batch_start(batch->bytes, sizeof batch->bytes / 2);
    batch->sequence = 1;
    nftnl_batch_begin(mnl_nlmsg_batch_current(batch->list), batch->sequence++);
    mnl_nlmsg_batch_next(batch->list);
}

/* Sends the transaction and reads every acknowledgement; -1 with the first error. */
static int commit(struct batch *batch)
{
    char answer[16384];
    nftnl_batch_end(mnl_nlmsg_batch_current(batch->list), batch->sequence++);
    mnl_nlmsg_batch_next(batch->list);
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    int reason = 0;
    if (socket == NULL || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_sendto(socket, mnl_nlmsg_batch_head(batch->list), mnl_nlmsg_batch_size(batch->list)) < 0) reason = errno;
    /* every message but begin and end is acknowledged; an error ends the transaction with fewer answers */
    for (uint32_t left = batch->sequence - 3; left > 0 && reason == 0;) {
        ssize_t size = mnl_socket_recvfrom(socket, answer, sizeof answer);
        if (size < 0) reason = errno;
        for (const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)answer; size > 0 && reason == 0;) {
            int remaining = (int)size;
            if (!mnl_nlmsg_ok(header, remaining)) break;
            if (header->nlmsg_type == NLMSG_ERROR) {
                reason = -((const struct nlmsgerr *)mnl_nlmsg_get_payload(header))->error;
                if (left > 0) left--;
            }
            header = mnl_nlmsg_next(header, &remaining);
            size = remaining;
        }
    }
    if (socket != NULL) mnl_socket_close(socket);
    mnl_nlmsg_batch_stop(batch->list);
    errno = reason;
    return reason == 0 ? 0 : -1;
}

static void put_table(struct batch *batch, const char *name, uint16_t type, uint16_t flags)
{
    struct nftnl_table *table = nftnl_table_alloc();
    nftnl_table_set_str(table, NFTNL_TABLE_NAME, name);
    nftnl_table_set_u32(table, NFTNL_TABLE_FAMILY, NFPROTO_IPV4);
    nftnl_table_nlmsg_build_payload(next(batch, type, flags), table);
    mnl_nlmsg_batch_next(batch->list);
    nftnl_table_free(table);
}

static void put_chain(struct batch *batch, const char *table)
{
    struct nftnl_chain *chain = nftnl_chain_alloc();
    nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, table);
    nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, "postrouting");
    nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "nat");
    nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, NF_INET_POST_ROUTING);
    nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, NF_IP_PRI_NAT_SRC);
    nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
    nftnl_chain_nlmsg_build_payload(next(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE), chain);
    mnl_nlmsg_batch_next(batch->list);
    nftnl_chain_free(chain);
}

/* Compares the address at `offset` of the IP header with a range. */
static void match_address(struct nftnl_rule *rule, uint32_t offset, struct network_range range, uint32_t operation)
{
    uint32_t mask = htonl(range.prefix == 0 ? 0 : ~0u << (32 - range.prefix)), none = 0, net = htonl(range.net) & mask;
    struct nftnl_expr *payload = nftnl_expr_alloc("payload"), *bits = nftnl_expr_alloc("bitwise"), *compare = nftnl_expr_alloc("cmp");
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_LEN, 4);
    nftnl_rule_add_expr(rule, payload);
    nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
    nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
    nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_LEN, 4);
    nftnl_expr_set(bits, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof mask);
    nftnl_expr_set(bits, NFTNL_EXPR_BITWISE_XOR, &none, sizeof none);
    nftnl_rule_add_expr(rule, bits);
    nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
    nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_OP, operation);
    nftnl_expr_set(compare, NFTNL_EXPR_CMP_DATA, &net, sizeof net);
    nftnl_rule_add_expr(rule, compare);
}

static void put_rule(struct batch *batch, const char *table, struct network_range pods, struct network_range cluster)
{
    struct nftnl_rule *rule = nftnl_rule_alloc();
    nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table);
    nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, "postrouting");
    nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_IPV4);
    match_address(rule, 12, pods, NFT_CMP_EQ);
    match_address(rule, 16, cluster, NFT_CMP_NEQ);
    nftnl_rule_add_expr(rule, nftnl_expr_alloc("masq"));
    nftnl_rule_nlmsg_build_payload(next(batch, NFT_MSG_NEWRULE, NLM_F_APPEND | NLM_F_CREATE), rule);
    mnl_nlmsg_batch_next(batch->list);
    nftnl_rule_free(rule);
}

int masquerade_set(const char *table, struct network_range pods, struct network_range cluster, struct failure *failure)
{
    struct batch batch;
    start(&batch);
    put_table(&batch, table, NFT_MSG_NEWTABLE, NLM_F_CREATE); /* so that deleting it can't fail */
    put_table(&batch, table, NFT_MSG_DELTABLE, 0);
    put_table(&batch, table, NFT_MSG_NEWTABLE, NLM_F_CREATE);
    put_chain(&batch, table);
    put_rule(&batch, table, pods, cluster);
    return commit(&batch) < 0 ? fail_errno(failure, FAILED, "setting the nftables table %s", table) : 0;
}

int masquerade_delete(const char *table, struct failure *failure)
{
    struct batch batch;
    start(&batch);
    put_table(&batch, table, NFT_MSG_DELTABLE, 0);
    return commit(&batch) < 0 && errno != ENOENT ? fail_errno(failure, FAILED, "deleting the nftables table %s", table) : 0;
}
