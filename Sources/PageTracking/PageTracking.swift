// PageTracking
