BEGIN TRANSACTION;
CREATE TABLE attempts (
	probe_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	ended BIGINT NOT NULL, 
	ending TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	transcript JSON NOT NULL, 
	PRIMARY KEY (probe_id, number), 
	FOREIGN KEY(probe_id) REFERENCES probes (id) ON DELETE CASCADE
);
INSERT INTO "attempts" VALUES('p1',1,1772366401003000,'accepted','250 2.0.0 queued','[{"stage": "mail", "sent": "MAIL FROM:<a@b>", "reply": {"code": 250, "lines": ["ok"], "enhanced_code": "2.0.0"}, "at": 1000000, "took": 3000, "pipelined": false}]');
INSERT INTO "attempts" VALUES('p2',1,1772366400000000,'refused_for_now','451 4.3.0 try later','[]');
CREATE TABLE keys (
	name TEXT NOT NULL, 
	secret BLOB NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "keys" VALUES('tag',zeroblob(32));
CREATE TABLE marks (
	instance TEXT NOT NULL, 
	mailbox TEXT NOT NULL, 
	folder TEXT NOT NULL, 
	validity BIGINT NOT NULL, 
	uid BIGINT NOT NULL, 
	PRIMARY KEY (instance, mailbox, folder)
);
INSERT INTO "marks" VALUES('probe-a','monitor','inbox',7,3);
CREATE TABLE probes (
	id TEXT NOT NULL, 
	instance TEXT NOT NULL, 
	pool TEXT NOT NULL, 
	member TEXT NOT NULL, 
	route TEXT NOT NULL, 
	mailbox TEXT NOT NULL, 
	slot BIGINT NOT NULL, 
	endpoint TEXT NOT NULL, 
	expected TEXT NOT NULL, 
	started BIGINT NOT NULL, 
	deadline BIGINT NOT NULL, 
	late_until BIGINT NOT NULL, 
	attempts INTEGER NOT NULL, 
	next_attempt BIGINT, 
	ending TEXT, 
	stage TEXT, 
	reason TEXT, 
	code INTEGER, 
	enhanced_code TEXT, 
	first_byte BIGINT, 
	accepted BIGINT, 
	smtp_time BIGINT, 
	stages JSON, 
	outcome TEXT, 
	why TEXT, 
	finished BIGINT, 
	PRIMARY KEY (id), 
	UNIQUE (pool, route, member, slot)
);
INSERT INTO "probes" VALUES('p1','probe-a','vip','mta1','inbound','monitor',1,'127.0.0.11:2525','delivered',1772366400123456,1772366700123456,1772798400123456,1,NULL,'accepted','body','250 2.0.0 queued',250,'2.0.0',1772366400000000,1772366400100000,100000,'{}','delivered','seen',1772366400123456);
INSERT INTO "probes" VALUES('p2','probe-a','vip','mta1','inbound','monitor',2,'127.0.0.11:2525','delivered',1772366400123456,1772366700123456,1772798400123456,1,1772366420123456,'refused_for_now','rcpt','451 4.3.0 try later',451,'4.3.0',1772366400000000,NULL,100000,'{}',NULL,NULL,NULL);
CREATE TABLE schema_version (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "schema_version" VALUES(1);
CREATE TABLE sightings (
	probe_id TEXT NOT NULL, 
	mailbox TEXT NOT NULL, 
	folder TEXT NOT NULL, 
	validity BIGINT NOT NULL, 
	uid TEXT NOT NULL, 
	seen BIGINT NOT NULL, 
	internal_date BIGINT, 
	size BIGINT NOT NULL, 
	hops JSON NOT NULL, 
	sighted TEXT NOT NULL, 
	gone BIGINT, 
	PRIMARY KEY (probe_id, mailbox, folder, validity, uid), 
	FOREIGN KEY(probe_id) REFERENCES probes (id) ON DELETE CASCADE
);
INSERT INTO "sightings" VALUES('p1','monitor','inbox',7,'1',1772366409123456,1772366408123456,2048,'[{"by": "mta1.lab.test", "protocol": "ESMTPS", "at": 1772366403123456, "delay": null}, {"by": "store.lab.test", "protocol": null, "at": 1772366404123456, "delay": 1000000}, {"by": "nowhen.lab.test", "protocol": null, "at": null, "delay": null}]','arrival',NULL);
CREATE TABLE totals (
	instance TEXT NOT NULL, 
	pool TEXT NOT NULL, 
	member TEXT NOT NULL, 
	route TEXT NOT NULL, 
	tally TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	counted BIGINT NOT NULL, 
	PRIMARY KEY (instance, pool, member, route, tally, outcome)
);
INSERT INTO "totals" VALUES('probe-a','vip','mta1','inbound','started','',2);
INSERT INTO "totals" VALUES('probe-a','vip','mta1','inbound','outcome','delivered',1);
CREATE TABLE verdicts (
	pool TEXT NOT NULL, 
	member TEXT NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	since BIGINT NOT NULL, 
	evidence JSON NOT NULL, 
	evidence_at BIGINT, 
	guarded BOOLEAN NOT NULL, 
	PRIMARY KEY (pool, member)
);
INSERT INTO "verdicts" VALUES('vip','mta1','up','well',1772366400123456,'["p1"]',1772366400123456,0);
CREATE INDEX probes_by_member ON probes (pool, member, started, id);
CREATE INDEX probes_by_outcome ON probes (outcome, started, id);
CREATE INDEX probes_by_route ON probes (route, started, id);
CREATE INDEX probes_by_age ON probes (started, id);
CREATE INDEX probes_by_end ON probes (finished);
CREATE INDEX probes_outstanding ON probes (started) WHERE outcome IS NULL;
CREATE INDEX sightings_by_place ON sightings (mailbox, folder, validity, uid);
CREATE INDEX sightings_not_gone ON sightings (mailbox, folder, seen) WHERE gone IS NULL;
COMMIT;
