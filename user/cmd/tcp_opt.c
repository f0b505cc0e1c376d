/* SPDX-License-Identifier: BSD-2-Clause */
/* tcp_opt: -O, what a TCP probe looks like. */
#include "cmd/tcp_opt.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/log.h"

static bool is(const char *word, size_t len, const char *name)
{
	return len == strlen(name) && !memcmp(word, name, len);
}

static int read_mss(struct tcp_opt *t, const char *option, const char *word,
		    size_t len)
{
	const size_t at = sizeof("mss=") - 1;
	unsigned long v = 0;
	char *end = NULL;

	if (len > at && word[at] >= '0' && word[at] <= '9')
		v = strtoul(word + at, &end, 10);
	if (end != word + len || v < 1 || v >= TCP_MSS_DEFAULT) {
		log_err("%s %.*s: wants a number from 1 to 65534", option,
			(int)len, word);
		return -EINVAL;
	}
	t->shape.mss = (u16)v;
	t->options = true;
	return 0;
}

static int read_word(struct tcp_opt *t, const char *option, const char *word,
		     size_t len)
{
	struct tcp_shape *s = &t->shape;

	if (len >= 4 && !memcmp(word, "mss=", 4))
		return read_mss(t, option, word, len);
	if (is(word, len, "syn")) {
		t->syn = true;
	} else if (is(word, len, "ack")) {
		t->ack = true;
	} else if (is(word, len, "ecn") || is(word, len, "acc-ecn")) {
		s->flags |= TCP_ECE | TCP_CWR;
		s->accurate_ecn |= len > 3;
	} else if (is(word, len, "sack")) {
		s->sack = t->options = true;
	} else if (is(word, len, "timestamps")) {
		s->timestamps = t->options = true;
	} else if (is(word, len, "window_scaling")) {
		s->window_scaling = t->options = true;
	} else if (is(word, len, "ecmp")) {
		t->ecmp = true;
	} else if (!is(word, len, "info")) { /* it is always told */
		log_err("%s %.*s: wants syn, ack, ecn, acc-ecn, mss=N, sack, "
			"timestamps, window_scaling, ecmp or info",
			option, (int)len, word);
		return -EINVAL;
	}
	return 0;
}

int tcp_opt_read(struct tcp_opt *t, const char *option, const char *text)
{
	int err = 0;

	t->given = true;
	while (!err) {
		size_t len = strcspn(text, ",");

		err = read_word(t, option, text, len);
		text += len;
		if (!*text++)
			break;
	}
	return err;
}

int tcp_opt_shape(const struct tcp_opt *t, bool all_options,
		  enum probe_method *method, struct tcp_shape *shape)
{
	*shape = t->shape;
	if (t->ack && *method == PROBE_INSESSION) {
		log_err("-O ack: a session begins with a SYN");
		return -EINVAL;
	}
	if (t->ack || *method == PROBE_TCP_ACK) {
		if (t->syn || t->options || shape->flags) {
			log_err("-O: an ACK has no options, and no other flag "
				"beside it");
			return -EINVAL;
		}
		*method = PROBE_TCP_ACK;
		shape->flags = TCP_ACK;
		return 0;
	}
	shape->flags |= TCP_SYN;
	if (t->options)
		return 0;
	shape->mss = TCP_MSS_DEFAULT;
	shape->sack = shape->timestamps = shape->window_scaling = all_options;
	return 0;
}

int tcp_opt_settle(const struct opt_list *words, enum probe_method *method,
		   struct tcp_shape *shape, bool *flows)
{
	struct tcp_opt t = {};
	bool as_a_host = *method == PROBE_INSESSION;

	*flows = false;

	if (!probe_is_tcp(*method)) {
		if (!words->count)
			return 0;
		log_err("-O is for -P tcp");
		return -EINVAL;
	}
	for (u32 i = 0; i < words->count; i++)
		if (tcp_opt_read(&t, "-O", words->item[i]))
			return -EINVAL;
	*flows = t.ecmp;
	return tcp_opt_shape(&t, as_a_host, method, shape);
}
