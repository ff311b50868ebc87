BEGIN TRANSACTION;
CREATE TABLE alerts (
	id INTEGER NOT NULL, 
	transition TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	lead TEXT NOT NULL, 
	clock TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	not_before BIGINT NOT NULL, 
	details TEXT NOT NULL, 
	next_try_at BIGINT NOT NULL, 
	attempts BIGINT DEFAULT '0' NOT NULL, 
	last_error TEXT, 
	settled_at BIGINT, 
	outcome TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "alerts" VALUES(1,'crm:lead:1/touch/1/at_risk','at_risk','crm:lead:1','touch',1,1791191475000000,'{"at":1791191475000000,"before":null,"after":null,"owner":null,"team":"inbound","account":null,"source":null,"promised_by":"sales","says":"Sales touches every lead","due_at":1791191700000000,"started_at":1791190800000000,"ended_at":null,"within":"15m","calendar":"always","timezone":"UTC","to":null}',1791191475000000,0,NULL,6,'sent');
INSERT INTO "alerts" VALUES(2,'crm:lead:1/touch/1/overdue','overdue','crm:lead:1','touch',1,1791191700000001,'{"at":1791191700000001,"before":null,"after":null,"owner":null,"team":"inbound","account":null,"source":null,"promised_by":"sales","says":"Sales touches every lead","due_at":1791191700000000,"started_at":1791190800000000,"ended_at":null,"within":"15m","calendar":"always","timezone":"UTC","to":null}',1791191700000001,0,NULL,NULL,NULL);
INSERT INTO "alerts" VALUES(3,'crm:lead:1/touch/1/escalated/1','escalated','crm:lead:1','touch',1,1791191700000001,'{"at":1791191700000001,"before":null,"after":null,"owner":null,"team":"inbound","account":null,"source":null,"promised_by":"sales","says":"Sales touches every lead","due_at":1791191700000000,"started_at":1791190800000000,"ended_at":null,"within":"15m","calendar":"always","timezone":"UTC","to":"sales"}',1791191700000001,0,NULL,NULL,NULL);
CREATE TABLE charters (
	version TEXT NOT NULL, 
	text TEXT NOT NULL, 
	put_in_force_at BIGINT NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "charters" VALUES('test','
charter: 1
version: test
effective_from: 2020-01-01T00:00:00Z
agreed: [{side: marketing, by: A, on: 2019-12-01}, {side: sales, by: B, on: 2019-12-01}]
calendars:
  always: {timezone: UTC, hours: {mon-sun: "00:00-24:00"}, day: 24h}
stalled_after: {time: 2h, calendar: always}
labels: {team: [inbound], priority: [hot], source: [webinar], reason: [wrong_fit]}
reasons: {wrong_fit: {means: Not ours, action: Aim better}}
clocks:
  touch:
    says: Sales touches every lead
    promised_by: sales
    starts_on: [lead.handed_off]
    stops_on: [lead.touched]
    cancelled_by: [lead.rejected, lead.withdrawn, lead.merged]
    restarts_on: [lead.assigned]
    pausable: true
    calendar: always
    targets: [{when: {priority: hot}, within: 15m}, {within: 1h}]
    at_risk: 75%
    escalate: [{at: 100%, to: sales}, {at: 150%, to: sales-leads}]
    objective: 90%
  answer:
    promised_by: marketing
    starts_on: [lead.rejected]
    stops_on: [feedback.answered]
    calendar: always
    targets: [{within: 2h}]
  close:
    promised_by: sales
    starts_on: [deal.opened]
    stops_on: [deal.won, deal.lost]
    calendar: always
    targets: [{within: 1d}]
',1);
CREATE TABLE clocks (
	lead TEXT NOT NULL, 
	clock TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	charter TEXT NOT NULL, 
	promised_by TEXT NOT NULL, 
	team_label TEXT NOT NULL, 
	priority_label TEXT NOT NULL, 
	target BIGINT NOT NULL, 
	within BIGINT NOT NULL, 
	calendar TEXT NOT NULL, 
	started_at BIGINT NOT NULL, 
	started_by TEXT NOT NULL, 
	due_at BIGINT, 
	at_risk_at BIGINT, 
	paused BOOLEAN NOT NULL, 
	ended_at BIGINT, 
	ended_by TEXT, 
	status TEXT, 
	counted BIGINT, 
	PRIMARY KEY (lead, clock, number)
);
INSERT INTO "clocks" VALUES('crm:lead:1','touch',1,'test','sales','inbound','hot',0,900000000,'always',1791190800000000,'lead.handed_off /crm lead.handed_off@1791190800000000/crm:lead:1',1791191700000000,1791191475000000,0,NULL,NULL,NULL,NULL);
INSERT INTO "clocks" VALUES('crm:lead:2','close',1,'test','sales','other','other',0,86400000000,'always',1791191220000000,'deal.opened /crm deal.opened@1791191220000000/crm:lead:2',1791277620000000,1791256020000000,0,NULL,NULL,NULL,NULL);
INSERT INTO "clocks" VALUES('crm:lead:2','touch',1,'test','sales','other','other',1,3600000000,'always',1791191100000000,'lead.handed_off /crm lead.handed_off@1791191100000000/crm:lead:2',1791194700000000,1791193800000000,0,1791191520000000,'lead.touched /crm lead.touched@1791191520000000/crm:lead:2','met',420000000);
CREATE TABLE counters (
	name TEXT NOT NULL, 
	labels TEXT NOT NULL, 
	partition BIGINT NOT NULL, 
	value BIGINT NOT NULL, 
	PRIMARY KEY (name, labels, partition)
);
INSERT INTO "counters" VALUES('baton_clock_transitions_total','[["clock","close"],["promised_by","sales"],["team","other"],["priority","other"],["transition","started"]]',0,1);
INSERT INTO "counters" VALUES('baton_clock_transitions_total','[["clock","touch"],["promised_by","sales"],["team","inbound"],["priority","hot"],["transition","started"]]',0,1);
INSERT INTO "counters" VALUES('baton_clock_transitions_total','[["clock","touch"],["promised_by","sales"],["team","other"],["priority","other"],["transition","started"]]',0,1);
INSERT INTO "counters" VALUES('baton_event_delay_seconds_bucket','[["crm","hubspot"],["le","300"]]',0,4);
INSERT INTO "counters" VALUES('baton_event_delay_seconds_bucket','[["crm","hubspot"],["le","900"]]',0,1);
INSERT INTO "counters" VALUES('baton_event_delay_seconds_sum','[["crm","hubspot"]]',0,1560000000);
INSERT INTO "counters" VALUES('baton_events_total','[["crm","hubspot"],["type","deal.opened"],["outcome","used"]]',0,2);
INSERT INTO "counters" VALUES('baton_events_total','[["crm","hubspot"],["type","lead.handed_off"],["outcome","used"]]',0,2);
INSERT INTO "counters" VALUES('baton_dead_letters_total','[["reason","unreadable"]]',0,1);
INSERT INTO "counters" VALUES('baton_clock_counted_seconds_bucket','[["clock","touch"],["promised_by","sales"],["team","other"],["le","450"]]',0,1);
INSERT INTO "counters" VALUES('baton_clock_counted_seconds_sum','[["clock","touch"],["promised_by","sales"],["team","other"]]',0,420000000);
INSERT INTO "counters" VALUES('baton_clock_transitions_total','[["clock","touch"],["promised_by","sales"],["team","other"],["priority","other"],["transition","met"]]',0,1);
INSERT INTO "counters" VALUES('baton_event_delay_seconds_bucket','[["crm","hubspot"],["le","60"]]',0,1);
INSERT INTO "counters" VALUES('baton_events_total','[["crm","hubspot"],["type","lead.merged"],["outcome","used"]]',0,1);
INSERT INTO "counters" VALUES('baton_events_total','[["crm","hubspot"],["type","lead.touched"],["outcome","used"]]',0,1);
INSERT INTO "counters" VALUES('baton_clock_transitions_total','[["clock","touch"],["promised_by","sales"],["team","inbound"],["priority","hot"],["transition","at_risk"]]',0,1);
INSERT INTO "counters" VALUES('baton_clock_transitions_total','[["clock","touch"],["promised_by","sales"],["team","inbound"],["priority","hot"],["transition","escalated"]]',0,1);
INSERT INTO "counters" VALUES('baton_clock_transitions_total','[["clock","touch"],["promised_by","sales"],["team","inbound"],["priority","hot"],["transition","overdue"]]',0,1);
CREATE TABLE dead_letters (
	id TEXT NOT NULL, 
	crm TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	received_at BIGINT NOT NULL, 
	body BLOB NOT NULL, 
	replayed_at BIGINT, 
	PRIMARY KEY (id)
);
INSERT INTO "dead_letters" VALUES('baton.events/0/4','hubspot','unreadable','not JSON: unexpected end of data: line 1 column 2 (char 1)',1791191460000000,X'7B',NULL);
CREATE TABLE deals (
	deal TEXT NOT NULL, 
	lead TEXT NOT NULL, 
	named_by TEXT NOT NULL, 
	PRIMARY KEY (deal)
);
INSERT INTO "deals" VALUES('crm:deal:2','crm:lead:2','[1791191220000000,10,"/crm","deal.opened@1791191220000000/crm:lead:2","crm:lead:2",{"deal":"crm:deal:2"}]');
CREATE TABLE deliveries (
	lead TEXT NOT NULL, 
	clock TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	alert BIGINT NOT NULL, 
	sink TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY (lead, clock, number, alert, sink)
);
INSERT INTO "deliveries" VALUES('crm:lead:1','touch',1,1,'log',5);
CREATE TABLE events (
	stream TEXT NOT NULL, 
	source TEXT NOT NULL, 
	id TEXT NOT NULL, 
	time BIGINT NOT NULL, 
	type SMALLINT NOT NULL, 
	lead TEXT, 
	data TEXT NOT NULL, 
	crm TEXT NOT NULL, 
	received_at BIGINT NOT NULL, 
	PRIMARY KEY (stream, source, id)
);
INSERT INTO "events" VALUES('lead:crm:lead:1','/crm','lead.handed_off@1791190800000000/crm:lead:1',1791190800000000,3,NULL,'{"attributes":{"team":"inbound","priority":"hot"}}','hubspot',1791191400000000);
INSERT INTO "events" VALUES('lead:crm:lead:2','/crm','lead.handed_off@1791191100000000/crm:lead:2',1791191100000000,3,NULL,'{"attributes":{"team":"ż"}}','hubspot',1791191400000000);
INSERT INTO "events" VALUES('deal:crm:deal:1','/crm','deal.opened@1791191160000000/',1791191160000000,10,NULL,'{"deal":"crm:deal:1"}','hubspot',1791191400000000);
INSERT INTO "events" VALUES('deal:crm:deal:2','/crm','deal.opened@1791191220000000/crm:lead:2',1791191220000000,10,'crm:lead:2','{"deal":"crm:deal:2"}','hubspot',1791191400000000);
INSERT INTO "events" VALUES('lead:crm:lead:2','/crm','lead.touched@1791191520000000/crm:lead:2',1791191520000000,8,NULL,'{"kind":"call","direction":"outbound","connected":true}','hubspot',1791191700000000);
INSERT INTO "events" VALUES('lead:crm:lead:3','/crm','lead.merged@1791191640000000/crm:lead:3',1791191640000000,20,NULL,'{"into":"crm:lead:2"}','hubspot',1791191700000000);
CREATE TABLE handoffs (
	lead TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	opened_at BIGINT NOT NULL, 
	closed_at BIGINT, 
	outcome TEXT, 
	accepted_at BIGINT, 
	touched_at BIGINT, 
	qualified_at BIGINT, 
	opportunity_at BIGINT, 
	reason TEXT, 
	verdict TEXT, 
	source_label TEXT NOT NULL, 
	attributes BLOB NOT NULL, 
	PRIMARY KEY (lead, number)
);
INSERT INTO "handoffs" VALUES('crm:lead:1',1,1791190800000000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'other',X'7B227465616D223A22696E626F756E64222C227072696F72697479223A22686F74227D');
INSERT INTO "handoffs" VALUES('crm:lead:2',1,1791191100000000,NULL,NULL,NULL,1791191520000000,NULL,1791191220000000,NULL,NULL,'other',X'7B227465616D223A22C5BC227D');
CREATE TABLE leads (
	"key" TEXT NOT NULL, 
	state BLOB NOT NULL, 
	wake_at BIGINT, 
	last_event_at BIGINT NOT NULL, 
	handoff BIGINT, 
	handed_off_at BIGINT, 
	stalls_at BIGINT, 
	owner TEXT, 
	team TEXT, 
	priority TEXT, 
	source TEXT, 
	account TEXT, 
	team_label TEXT NOT NULL, 
	priority_label TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "leads" VALUES('crm:lead:1',X'7B226368617274657273223A22746573744031353737383336383030303030303030222C226C656164223A7B2261747472696275746573223A7B227465616D223A22696E626F756E64222C227072696F72697479223A22686F74227D2C227061757365645F6174223A6E756C6C2C226572617365645F6174223A6E756C6C2C226D65726765645F696E746F223A6E756C6C2C226C617374223A5B313739313139303830303030303030302C332C222F63726D222C226C6561642E68616E6465645F6F666640313739313139303830303030303030302F63726D3A6C6561643A31225D2C2268616E646F6666223A7B226E756D626572223A312C226F70656E65645F6174223A313739313139303830303030303030302C2261747472696275746573223A7B227465616D223A22696E626F756E64222C227072696F72697479223A22686F74227D2C2261636365707465645F6174223A6E756C6C2C22746F75636865645F6174223A6E756C6C2C227175616C69666965645F6174223A6E756C6C2C226F70706F7274756E6974795F6174223A6E756C6C2C22726561736F6E223A6E756C6C2C2276657264696374223A6E756C6C2C226F70656E5F6465616C73223A5B5D7D2C2268616E646F6666735F6F70656E6564223A312C2273746172746564223A7B22746F756368223A317D2C226F70656E223A5B7B2263686172746572223A2274657374222C22636C6F636B223A22746F756368222C226E756D626572223A312C22737461727465645F6174223A313739313139303830303030303030302C22737461727465645F6279223A5B313739313139303830303030303030302C332C222F63726D222C226C6561642E68616E6465645F6F666640313739313139303830303030303030302F63726D3A6C6561643A31225D2C227461726765745F6E756D626572223A302C227465616D223A22696E626F756E64222C227072696F72697479223A22686F74222C226475655F6174223A313739313139313730303030303030302C22636172726965645F6174223A6E756C6C2C22706175736573223A5B5D2C2265766572223A5B2261745F7269736B222C22657363616C617465642F31222C226F766572647565222C2273746172746564225D2C227374616E64696E67223A5B2261745F7269736B222C22657363616C617465642F31222C226F766572647565222C2273746172746564225D7D5D7D2C226F7574636F6D6573223A7B7D2C226675747572655F6174223A6E756C6C7D',1791192150000001,1791190800000000,1,1791190800000000,1791191700000001,NULL,'inbound','hot',NULL,NULL,'inbound','hot');
INSERT INTO "leads" VALUES('crm:lead:2',X'7B226368617274657273223A22746573744031353737383336383030303030303030222C226C656164223A7B2261747472696275746573223A7B227465616D223A22C5BC227D2C227061757365645F6174223A6E756C6C2C226572617365645F6174223A6E756C6C2C226D65726765645F696E746F223A6E756C6C2C226C617374223A5B313739313139313634303030303030302C32302C222F63726D222C226C6561642E6D657267656440313739313139313634303030303030302F63726D3A6C6561643A33225D2C2268616E646F6666223A7B226E756D626572223A312C226F70656E65645F6174223A313739313139313130303030303030302C2261747472696275746573223A7B227465616D223A22C5BC227D2C2261636365707465645F6174223A6E756C6C2C22746F75636865645F6174223A313739313139313532303030303030302C227175616C69666965645F6174223A6E756C6C2C226F70706F7274756E6974795F6174223A313739313139313232303030303030302C22726561736F6E223A6E756C6C2C2276657264696374223A6E756C6C2C226F70656E5F6465616C73223A5B2263726D3A6465616C3A32225D7D2C2268616E646F6666735F6F70656E6564223A312C2273746172746564223A7B22746F756368223A312C22636C6F7365223A317D2C226F70656E223A5B7B2263686172746572223A2274657374222C22636C6F636B223A22636C6F7365222C226E756D626572223A312C22737461727465645F6174223A313739313139313232303030303030302C22737461727465645F6279223A5B313739313139313232303030303030302C31302C222F63726D222C226465616C2E6F70656E656440313739313139313232303030303030302F63726D3A6C6561643A32225D2C227461726765745F6E756D626572223A302C227465616D223A226F74686572222C227072696F72697479223A226F74686572222C226475655F6174223A313739313237373632303030303030302C22636172726965645F6174223A6E756C6C2C22706175736573223A5B5D2C2265766572223A5B2273746172746564225D2C227374616E64696E67223A5B2273746172746564225D7D5D7D2C226F7574636F6D6573223A7B7D2C226675747572655F6174223A6E756C6C7D',1791198840000000,1791191640000000,1,1791191100000000,1791198840000000,NULL,'ż',NULL,NULL,NULL,'other','other');
INSERT INTO "leads" VALUES('crm:lead:3',X'7B226368617274657273223A22746573744031353737383336383030303030303030222C226C656164223A7B2261747472696275746573223A7B7D2C227061757365645F6174223A6E756C6C2C226572617365645F6174223A6E756C6C2C226D65726765645F696E746F223A2263726D3A6C6561643A32222C226C617374223A5B313739313139313634303030303030302C32302C222F63726D222C226C6561642E6D657267656440313739313139313634303030303030302F63726D3A6C6561643A33225D2C2268616E646F6666223A6E756C6C2C2268616E646F6666735F6F70656E6564223A302C2273746172746564223A7B7D2C226F70656E223A5B5D7D2C226F7574636F6D6573223A7B7D2C226675747572655F6174223A6E756C6C7D',NULL,1791191640000000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'other','other');
CREATE TABLE merges (
	lead TEXT NOT NULL, 
	"into" TEXT NOT NULL, 
	PRIMARY KEY (lead, "into")
);
INSERT INTO "merges" VALUES('crm:lead:3','crm:lead:2');
CREATE TABLE meta (
	name TEXT NOT NULL, 
	value BIGINT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('schema',1);
INSERT INTO "meta" VALUES('changes',1);
CREATE TABLE positions (
	topic TEXT NOT NULL, 
	partition BIGINT NOT NULL, 
	next BIGINT NOT NULL, 
	judged_at BIGINT NOT NULL, 
	changes BIGINT NOT NULL, 
	PRIMARY KEY (topic, partition)
);
INSERT INTO "positions" VALUES('baton.events',0,7,1791192000000000,4);
CREATE TABLE transitions (
	lead TEXT NOT NULL, 
	clock TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	told_at BIGINT NOT NULL, 
	standing BOOLEAN NOT NULL, 
	"before" TEXT, 
	"after" TEXT, 
	because TEXT, 
	PRIMARY KEY (lead, clock, number, name)
);
INSERT INTO "transitions" VALUES('crm:lead:1','touch',1,'started',1791190800000000,1791191400000000,1,NULL,NULL,NULL);
INSERT INTO "transitions" VALUES('crm:lead:2','close',1,'started',1791191220000000,1791191400000000,1,NULL,NULL,NULL);
INSERT INTO "transitions" VALUES('crm:lead:2','touch',1,'started',1791191100000000,1791191400000000,1,NULL,NULL,NULL);
INSERT INTO "transitions" VALUES('crm:lead:2','touch',1,'met',1791191520000000,1791191700000000,1,NULL,NULL,NULL);
INSERT INTO "transitions" VALUES('crm:lead:1','touch',1,'at_risk',1791191475000000,1791192000000000,1,NULL,NULL,NULL);
INSERT INTO "transitions" VALUES('crm:lead:1','touch',1,'overdue',1791191700000001,1791192000000000,1,NULL,NULL,NULL);
INSERT INTO "transitions" VALUES('crm:lead:1','touch',1,'escalated/1',1791191700000001,1791192000000000,1,NULL,NULL,NULL);
CREATE INDEX events_by_lead_named ON events (lead) WHERE lead IS NOT NULL;
CREATE INDEX leads_to_wake ON leads (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX leads_handed_off ON leads (stalls_at, handoff, team_label, priority_label) WHERE handoff IS NOT NULL OR stalls_at IS NOT NULL;
CREATE INDEX clocks_open ON clocks (due_at, at_risk_at, paused, clock, promised_by, team_label, priority_label, status) WHERE status IS NULL;
CREATE INDEX clocks_ended ON clocks (due_at, clock, promised_by, status) WHERE status IS NOT NULL;
CREATE INDEX alerts_unsettled ON alerts (next_try_at) WHERE settled_at IS NULL;
CREATE INDEX deals_by_lead ON deals (lead);
CREATE INDEX merges_by_survivor ON merges ("into");
COMMIT;
